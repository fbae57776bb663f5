"""The peers: a plain FastAPI app with a POST of the intake's body and a GET of ready bytes, served as booking is."""

import sys
from datetime import date

import uvicorn
from fastapi import FastAPI, Response
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


@app.get("/days")
async def days(size: int) -> Response:
    return Response(b"." * size, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
