"""What is said when something that came from outside cannot be used."""

from .visible import visible


class BadInput(ValueError):
    """Input that no model can use: where it stands, what is wrong with it, what would be right.

    Raised only where input enters (a file, a flag, an argument). A packet that is dropped is not an error; it is a Step.
    """

    def __init__(self, where: str, what: str, right: str):
        super().__init__(where, what, right)
        self.where, self.what, self.right = where, what, right

    def __str__(self) -> str:
        return visible(": ".join(part for part in (self.where, f"{self.what}; {self.right}") if part))
