"""Passwords that are quick to check."""


class PlainPasswords:
    """Keeps the port `Passwords`, without any secrecy."""

    async def hashed(self, password: str) -> str:
        return f"plain {password}"

    async def matches(self, password: str, password_hash: str | None) -> bool:
        return password_hash == f"plain {password}"

    def close(self) -> None:
        pass
