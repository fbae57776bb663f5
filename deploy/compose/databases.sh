#!/bin/sh
# Makes a database for each service, owned by a role that can reach no other. Run once, when the volume is new.
set -eu

for service in booking catalog consular gateway notifications payments; do
  password=$(printenv "$(echo "$service" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD")
  psql -X -q -v ON_ERROR_STOP=1 -v "service=$service" -v "password=$password" -U "$POSTGRES_USER" -d postgres <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE CONNECT, TEMPORARY ON DATABASE :"service" FROM PUBLIC;
SQL
done
