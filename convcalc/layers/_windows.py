"""How the sizes and the window of a kind are written in a table."""


def shown_sizes(sizes: tuple[int | str, ...]) -> str:
    """7x7, or 3x1."""
    return "x".join(map(str, sizes))


def shown_window(kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], groups: int = 1) -> str:
    """7x7 /2, dilation 2, 4 groups: what is not 1, once where the axes agree."""
    window = shown_sizes(kernel)
    if set(stride) - {1}:
        window += f" /{_once(stride)}"
    parts = [window] if window else []
    if set(dilation) - {1}:
        parts.append(f"dilation {_once(dilation)}")
    if groups != 1:
        parts.append(f"{groups} groups")
    return ", ".join(parts)


def _once(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else shown_sizes(numbers)


def shown_pairs(pairs: tuple[tuple[int, int], ...]) -> str:
    """2+3, or 1+1, 0+2: before and after, once where the axes agree."""
    return ", ".join(f"{before}+{after}" for before, after in (pairs[:1] if len(set(pairs)) == 1 else pairs))
