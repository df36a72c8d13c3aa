"""How the sizes and the window of a kind are written in a table."""


def shown_sizes(sizes: tuple[int | str, ...]) -> str:
    """7x7, or 3x1."""
    return "x".join(map(str, sizes))


def shown_window(kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> str:
    """7x7 /2, dilation 2: stride and dilation only where they are not 1, once where the axes agree."""
    text = shown_sizes(kernel)
    if set(stride) - {1}:
        text += f" /{_once(stride)}"
    if set(dilation) - {1}:
        text += f", dilation {_once(dilation)}"
    return text


def _once(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else shown_sizes(numbers)


def shown_pairs(pairs: tuple[tuple[int, int], ...]) -> str:
    """2+3, or 1+1, 0+2: before and after, once where the axes agree."""
    return ", ".join(f"{before}+{after}" for before, after in (pairs[:1] if len(set(pairs)) == 1 else pairs))
