"""Accounts of staff, how they prove who they are, and identity providers' names for people."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables. Names, reasons and secrets of authenticators are sealed; passwords and codes are hashed."""
    op.execute("""
        CREATE TABLE staff_accounts (
            id uuid PRIMARY KEY,
            login text NOT NULL UNIQUE,
            name bytea NOT NULL,
            roles text[] NOT NULL CHECK (cardinality(roles) > 0),
            office text,
            state text NOT NULL CHECK (state IN ('INVITED', 'ACTIVE', 'SUSPENDED')),
            expires_at timestamptz NOT NULL,
            made_at timestamptz NOT NULL,
            made_by uuid,
            last_used_at timestamptz,
            revision integer NOT NULL,
            password text,
            totp_secret bytea,
            totp_step bigint,
            recovery_codes bytea[] NOT NULL DEFAULT '{}'
        )
    """)
    op.execute("""
        CREATE TABLE staff_passkeys (
            credential_id bytea PRIMARY KEY,
            account_id uuid NOT NULL REFERENCES staff_accounts,
            public_key bytea NOT NULL,
            sign_count bigint NOT NULL,
            is_synced boolean NOT NULL,
            made_at timestamptz NOT NULL,
            used_at timestamptz
        )
    """)
    op.execute("CREATE INDEX staff_passkeys_account ON staff_passkeys (account_id)")
    op.execute("""
        CREATE TABLE staff_challenges (
            id uuid PRIMARY KEY,
            purpose text NOT NULL,
            challenge bytea NOT NULL,
            account_id uuid REFERENCES staff_accounts,
            expires_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX staff_challenges_old ON staff_challenges (expires_at)")
    op.execute("""
        CREATE TABLE staff_invitations (
            token bytea PRIMARY KEY,
            account_id uuid NOT NULL REFERENCES staff_accounts,
            totp_secret bytea NOT NULL,
            made_at timestamptz NOT NULL,
            made_by uuid,
            expires_at timestamptz NOT NULL,
            used_at timestamptz
        )
    """)
    # One that was not used gives way to the next.
    op.execute("CREATE UNIQUE INDEX staff_invitations_open ON staff_invitations (account_id) WHERE used_at IS NULL")
    op.execute("""
        CREATE TABLE staff_changes (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            account_id uuid NOT NULL REFERENCES staff_accounts,
            at timestamptz NOT NULL,
            made_by uuid,
            what text NOT NULL,
            reason bytea
        )
    """)
    op.execute("CREATE INDEX staff_changes_account ON staff_changes (account_id, id)")
    op.execute("""
        CREATE TABLE oidc_identities (
            subject bytea PRIMARY KEY,
            person_id uuid NOT NULL,
            is_staff boolean NOT NULL,
            made_at timestamptz NOT NULL,
            used_at timestamptz NOT NULL
        )
    """)
    # A state is spent by its first return.
    op.execute("CREATE TABLE oidc_returns (state bytea PRIMARY KEY, at timestamptz NOT NULL)")
