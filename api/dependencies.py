"""What routes depend on: the service that the app was built with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.service import Service


async def service_of(request: Request) -> Service:  # async: FastAPI hands what is not to a thread
    """Return the service that the app was built with."""
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]
