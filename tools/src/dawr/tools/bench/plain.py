"""The peer of the intake: a plain FastAPI app with one POST of the same body, served in the same way."""

import sys
from datetime import date

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Wish(BaseModel):
    service: str
    tier: str
    office: str
    date: date
    window: str | None = None


app = FastAPI()


@app.post("/turns", status_code=202)
async def take_turn(wish: Wish) -> dict[str, str]:
    return {"service": wish.service, "date": wish.date.isoformat()}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
