"""How many output matrices a chunked hypernet has, and how many chunks it then makes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ChunkPlan"]


@dataclass(frozen=True)
class ChunkPlan:
    """Sizes of a chunked hypernet that makes P numbers.

    Attributes:
        numbers: P.
        num_tasks: N.
        embedding: Size e of the preference embedding.
        chunk_embedding: Size d of a chunk's embedding.
        hidden: Width h of the MLP.
        out: Numbers m that an output matrix makes of a chunk.
        matrices: Number K of output matrices.
    """

    numbers: int
    num_tasks: int
    embedding: int = 32
    chunk_embedding: int = 64
    hidden: int = 100
    out: int = 10_000
    matrices: int = 1

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            ValueError: If a size is not a positive integer.
        """
        for name, value in vars(self).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r} of a chunked hypernet must be a positive integer")

    @property
    def chunks(self) -> int:
        """⌈P / (K·m)⌉: the last chunk's surplus is dropped."""
        return -(-self.numbers // (self.matrices * self.out))

    @property
    def params(self) -> int:
        """The hypernet's parameters: N·e + chunks·d + (e + d + 1)·h + 2·(h + 1)·h + K·m·h."""
        embeddings = self.num_tasks * self.embedding + self.chunks * self.chunk_embedding
        mlp = (self.embedding + self.chunk_embedding + 1) * self.hidden + 2 * (self.hidden + 1) * self.hidden
        return embeddings + mlp + self.matrices * self.out * self.hidden

    def within(self, budget: int | None) -> ChunkPlan:
        """The plan with the most matrices whose parameters keep a budget.

        Args:
            budget: Most parameters. None gives the output matrices about as many numbers as they make, P, which is the
                largest of the published sizes (11 M for 11 M).

        Returns:
            The plan.

        Raises:
            ValueError: If no number of matrices keeps the budget.
        """
        if budget is None:
            return self._with(max(1, self.numbers // (self.out * self.hidden)))
        # One chunk is enough with so many; and each matrix costs m·h.
        most = min(-(-self.numbers // self.out), max(budget, 0) // (self.out * self.hidden))
        fitting = (self._with(count) for count in range(most, 0, -1))
        plan = next((plan for plan in fitting if plan.params <= budget), None)
        if plan is None:
            raise ValueError(
                f"params={budget} is too small for a chunked hypernet: with out={self.out}, hidden={self.hidden} one "
                f"matrix and its chunks need {self._with(1).params}; give more, or a smaller out or hidden"
            )
        return plan

    def _with(self, matrices: int) -> ChunkPlan:
        return ChunkPlan(**{**vars(self), "matrices": matrices})
