"""`python -m convcalc`, and the command `convcalc`."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while modules load an interrupt ends the process, without a word

from convcalc.cli import main

if __name__ == "__main__":
    main()
