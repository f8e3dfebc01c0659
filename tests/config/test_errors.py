"""How a fault reads."""

from headwater.config.errors import ConfigError, ConfigFault


def test_a_fault_with_everything() -> None:
    fault = ConfigFault("a.toml", "unknown key", "server.hots", 3, "did you mean host?")
    assert str(fault) == "a.toml:3: server.hots: unknown key (did you mean host?)"


def test_a_fault_of_a_whole_source() -> None:
    assert str(ConfigFault("a.toml", "not TOML")) == "a.toml: not TOML"


def test_an_error_lists_its_faults_one_a_line() -> None:
    faults = (ConfigFault("a", "x"), ConfigFault("b", "y"))
    assert str(ConfigError(faults)) == "a: x\nb: y"
