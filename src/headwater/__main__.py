"""The `headwater` command, and `python -m headwater`, which is the same."""

from headwater.cli.interrupts import interrupts_end_the_process


def main() -> None:
    """Load the command line and run it; exits as `headwater.cli.main` says."""
    with interrupts_end_the_process():
        from headwater.cli.main import main as run_command_line
    run_command_line()


if __name__ == "__main__":
    main()
