from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str


@router.get("/healthz", summary="Is the process up?", responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}})  # fmt: skip
async def get_health() -> Health:
    """Answers as soon as the process serves requests; needs no token and asks no other server."""
    return Health(status="ok")
