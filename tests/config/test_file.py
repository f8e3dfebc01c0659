"""Reading the configuration: what is accepted, what wins, and how wrong ones are refused."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from headwater.config.errors import ConfigError
from headwater.config.file import Assignment, load_settings
from headwater.config.settings import LogFormat, LogLevel, LogSettings, Settings
from headwater.media.settings import MountOverride
from headwater.transports.settings import TransportKind


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "headwater.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(path: Path | None, **sources: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, **sources)  # type: ignore[arg-type]
    return [str(fault).replace(str(path), "FILE") for fault in caught.value.faults]


def test_no_file_means_the_defaults() -> None:
    assert load_settings() == Settings()


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    settings = load_settings(
        written(
            tmp_path,
            """
            [server]
            publish_port = 5554
            drain_s = 3
            [rtp]
            publish_transports = ["TCP"]
            [log]
            level = "DEBUG"
            format = "Json"
            [[mount_overrides]]
            pattern = "/live/*"
            grace_s = 0
            [[access.users]]
            name = "ann"
            password = "secret"
            read = ["**"]
            """,
        )
    )
    assert settings.server.publish_port == 5554
    assert settings.server.drain_s == 3.0
    assert settings.rtp.publish_transports == (TransportKind.TCP,)
    assert settings.log == LogSettings(level=LogLevel.DEBUG, format=LogFormat.JSON)
    assert settings.mount_overrides == (MountOverride(pattern="/live/*", grace_s=0),)
    assert settings.access.users[0].name == "ann"
    assert settings.sessions == Settings().sessions


def test_options_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    settings = load_settings(
        written(tmp_path, "[server]\npublish_port = 1\nplay_port = 1\nbacklog = 1\n"),
        environment={
            "HEADWATER_SERVER__PLAY_PORT": "2",
            "HEADWATER_SERVER__BACKLOG": "2",
            "HEADWATER_CONFIG": "not a key: one underscore",
            "OTHER": "x",
        },
        assignments=[Assignment("--set server.backlog", "server.backlog", "3")],
    )
    server = settings.server
    assert (server.publish_port, server.play_port, server.backlog) == (1, 2, 3)


def test_the_environment_may_hold_tables() -> None:
    users = '[{ name = "ann", password = "x", read = ["**"] }]'
    settings = load_settings(environment={"HEADWATER_ACCESS__USERS": users})
    assert [user.name for user in settings.access.users] == ["ann"]


def test_the_environment_may_hold_lists() -> None:
    settings = load_settings(environment={"HEADWATER_RTP__PLAY_TRANSPORTS": "udp,tcp"})
    assert settings.rtp.play_transports == (TransportKind.UDP, TransportKind.TCP)


def test_an_optional_key_may_be_set(tmp_path: Path) -> None:
    path = written(tmp_path, "[access]\nanonymous_read = []\n")
    assert load_settings(path).access.anonymous_read == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[server]\n\nhots = 'x'\n",
            "FILE:3: server.hots: unknown key (did you mean host?)",
        ),
        (
            "[sever]\nhost = 'x'\n",
            "FILE:1: sever: unknown section (did you mean [server]?)",
        ),
        (
            "\n[session]\ntimeout_s = 3.0\n",
            "FILE:2: session: unknown section (did you mean [sessions]?)",
        ),
        (
            "\n[[mount_override]]\npattern = '/a'\n",
            "FILE:2: mount_override: unknown section (did you mean [[mount_overrides]]?)",
        ),
        (
            "[[users]]\nname = 'a'\n",
            "FILE:1: users: unknown section (did you mean [[access.users]]?)",
        ),
        (
            "[[access.user]]\nname = 'a'\n",
            "FILE:1: access.user: unknown section (did you mean [[access.users]]?)",
        ),
        ("[SSL]\nkey = 'a'\n", "FILE:1: SSL: unknown section (did you mean [tls]?)"),
        ("[host]\nname = 'a'\n", "FILE:1: host: unknown section (host is a key of [server])"),
        (
            "[qqq]\n",
            (
                "FILE:1: qqq: unknown section (the file may have: [server], [http], [api], "
                '[webrtc], [sessions], [rtp], [sockets], [mounts], [paths."…"], [sources], '
                "[limits], [access], [access.jwt], [access.ask], [hooks], [tls], [control], "
                "[workers], [cluster], [log], [[mount_overrides]], [[api.tokens]], "
                "[[access.users]], [[hooks.webhooks]])"
            ),
        ),
        (
            "[log]\nxyz = 1\n",
            "FILE:2: log.xyz: unknown key ([log] may have: level, format)",
        ),
        (
            "[server]\npublish_port = '8554'\n",
            'FILE:2: server.publish_port: "8554" is not allowed (a whole number)',
        ),
        (
            "[server]\npublish_port = true\n",
            "FILE:2: server.publish_port: true is not allowed (a whole number)",
        ),
        (
            "[server]\nhost = 1\n",
            "FILE:2: server.host: 1 is not allowed (a text in quotes)",
        ),
        (
            "[server]\nhost = 'x'\npublish_port = 99999\n",
            (
                "FILE:3: server.publish_port: publish_port is 99999; "
                "a port is from 0 (any free one) to 65535"
            ),
        ),
        (
            "[log]\nlevel = 'loud'\n",
            'FILE:2: log.level: "loud" is not allowed (one of "debug", "info", "warning", "error")',
        ),
        (
            "[rtp]\nplay_transports = [\n  'udp',\n  'fax',\n]\n",
            (
                'FILE:2: rtp.play_transports: "fax" is not allowed '
                '(a list, each one of "udp", "tcp", "multicast")'
            ),
        ),
        ("server = 3\n", "FILE:1: server: server is a section, not a value (write [server])"),
        (
            "[access]\nusers = 3\n",
            (
                "FILE:2: access.users: access.users is a list of tables "
                "(write [[access.users]] for each)"
            ),
        ),
        (
            "[[access.users]]\nname = 'a'\nread = ['**']\n",
            "FILE:1: access.users[0].password: is missing",
        ),
        (
            "[[access.users]]\nname = 'a'\npassword = 7\nread = ['**']\n",
            "FILE:3: access.users[0].password: the value given is not allowed (a text in quotes)",
        ),
        (
            "publish_port = 1\n",
            "FILE:1: publish_port: unknown key (it belongs under [server])",
        ),
        (
            "[server]\nport = 1\n",
            "FILE:2: server.port: unknown key (did you mean publish_port?)",
        ),
        (
            "clientPort = 1\n",
            "FILE:1: clientPort: unknown key (did you mean play_port under [server]?)",
        ),
        (
            (
                "[[access.users]]\nname = 'a'\npassword = 'x'\nread = ['**']\n"
                "[[access.users]]\npassword = 'x'\nread = ['**']\nname = 'a'\n"
            ),
            (
                "FILE:8: access.users[1].name: users[1].name is 'a', as users[0].name is; "
                "a name may stand once"
            ),
        ),
        (
            "[server]\nhost = ''\nrtsps_port = 322\n",
            "FILE:3: server.rtsps_port: rtsps_port is 322; it needs tls.certificate",
        ),
        (
            "[server]\ntls_only = true\n",
            "FILE:2: server.tls_only: tls_only is true; it needs tls.certificate",
        ),
        (
            "[mounts]\ngrace_s = nan\n",
            "FILE:2: mounts.grace_s: nan is not allowed (a number, at most 1000000000)",
        ),
        (
            "[limits]\nconnections = 9223372036854775808\n",
            (
                "FILE:2: limits.connections: 9223372036854775808 is not allowed "
                "(a whole number, at most 9223372036854775807)"
            ),
        ),
        (
            '[server]\nserver_name = "a\\r\\nX: y"\n',
            (
                "FILE:2: server.server_name: 'a\\r\\nX: y' holds a character that does not "
                "belong in a text of one line"
            ),
        ),
        (
            "[server]\nbacklog = 4294967296\n",
            "FILE:2: server.backlog: backlog is 4294967296; it must be from 1 to 65535",
        ),
        (
            "[sockets]\nudp_send_buffer_bytes = 4294967296\n",
            (
                "FILE:2: sockets.udp_send_buffer_bytes: udp_send_buffer_bytes is 4294967296, "
                "allowed is 2147483647 or less"
            ),
        ),
        (
            "[[mount_overrides]]\npattern = '/a'\n\ngrace_s = -1\n",
            "FILE:4: mount_overrides[0].grace_s: grace_s is -1.0; it must be 0 or more",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_line_key_and_what_is_allowed(
    tmp_path: Path, text: str, fault: str
) -> None:
    assert faults_of(written(tmp_path, text)) == [fault]


def test_every_unknown_key_is_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "[server]\nhots = ''\n[log]\nlevl = ''\n")
    found = faults_of(path, environment={"HEADWATER_SERVER__BACKLOGG": "1"})
    assert found == [
        "FILE:2: server.hots: unknown key (did you mean host?)",
        "FILE:4: log.levl: unknown key (did you mean level?)",
        "HEADWATER_SERVER__BACKLOGG: server.backlogg: unknown key (did you mean backlog?)",
    ]


def test_unknown_keys_and_wrong_values_are_named_together_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    text = (
        "[server]\nhots = 'x'\nplay_port = 'x'\n"
        "[paths.'back']\ngrace_s = -4\n"
        "[[access.users]]\nnmae = 'ann'\npassword = 1\n"
    )
    faults = faults_of(written(tmp_path, text))
    assert [fault.partition(": ")[0] for fault in faults] == [
        "FILE:2",
        "FILE:3",
        "FILE:5",
        "FILE:7",
        "FILE:8",
    ]


@pytest.mark.parametrize(
    ("key", "text", "fault"),
    [
        ("server.backlog", "many", '--set: server.backlog: "many" is not allowed (a whole number)'),
        ("server.backlog", "0", "--set: server.backlog: backlog is 0; it must be from 1 to 65535"),
        ("log.levle", "x", "--set: log.levle: unknown key (did you mean level?)"),
        ("lgo.level", "x", "--set: lgo.level: unknown section (did you mean [log]?)"),
        (
            "server.host.x",
            "x",
            "--set: server.host.x: unknown key (host is a key, nothing stands below it)",
        ),
        (
            "access.users",
            '[{ nam = "x" }]',
            "--set: access.users[0].nam: unknown key (did you mean name?)",
        ),
    ],
)
def test_a_fault_of_an_option_names_the_option(key: str, text: str, fault: str) -> None:
    assert faults_of(None, assignments=[Assignment("--set", key, text)]) == [fault]


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    (fault,) = faults_of(written(tmp_path, "[server]\nhost = \n"))
    assert fault.startswith("FILE:")
    assert "not TOML" in fault
    assert "line 2" in fault


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000])
def test_toml_that_python_cannot_take_is_refused(tmp_path: Path, value: str) -> None:
    (fault,) = faults_of(written(tmp_path, f"[server]\nbacklog = {value}\n"))
    assert re.match("FILE: (not TOML|nested too deeply)", fault)
    (fault,) = faults_of(None, environment={"HEADWATER_SERVER__BACKLOG": value})
    assert fault.startswith("HEADWATER_SERVER__BACKLOG: server.backlog: ")


def test_the_case_of_a_choice_does_not_count(tmp_path: Path) -> None:
    path = written(tmp_path, "[log]\nlevel = 'INFO'\n[rtp]\nplay_transports = ['TCP']\n")
    settings = load_settings(path, environment={"HEADWATER_LOG__FORMAT": "Json"})
    assert settings.log == LogSettings(level=LogLevel.INFO, format=LogFormat.JSON)
    assert settings.rtp.play_transports == (TransportKind.TCP,)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "headwater.toml"
    path.write_text("[server]\npublish_port = 1\n", encoding="utf-8-sig")
    assert load_settings(path).server.publish_port == 1


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "headwater.toml"
    path.write_bytes(b"[server]\n# \xff\n")
    assert faults_of(path) == ["FILE: not UTF-8 text (byte 11)"]


@pytest.mark.parametrize("text", ["server = 3\n", "server = [1]\n", "paths = 3\n"])
def test_a_value_where_a_section_belongs_is_refused_whatever_else_is_set(
    tmp_path: Path, text: str
) -> None:
    environment = {"HEADWATER_SERVER__HOST": "x", "HEADWATER_PATHS__A__GRACE_S": "1"}
    name = text.partition(" ")[0]
    (fault,) = faults_of(written(tmp_path, text), environment=environment)
    assert fault == f"FILE:1: {name}: {name} is a section, not a value (write [{name}])"


def test_the_older_form_of_paths_may_come_from_the_environment() -> None:
    overrides = '[{ pattern = "a", grace_s = 1 }]'
    settings = load_settings(environment={"HEADWATER_MOUNT_OVERRIDES": overrides})
    assert settings.mount_overrides == (MountOverride(pattern="a", grace_s=1.0),)


def test_a_file_may_be_named_by_a_text(tmp_path: Path) -> None:
    path = written(tmp_path, "[server]\npublish_port = 1\n")
    assert load_settings(str(path)).server.publish_port == 1


def test_a_secret_is_not_repeated() -> None:
    users = '[{ name = "a", password = "hunter2", red = ["**"] }]'
    found = faults_of(None, environment={"HEADWATER_ACCESS__USERS": users})
    assert "hunter2" not in " ".join(found)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_settings(tmp_path / "nothing.toml")


@hypothesis_settings(deadline=None)
@given(st.text(alphabet='[]="\n.ab1server_portlg', max_size=80))
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    settings: Settings | None = None
    error: ConfigError | None = None
    try:
        settings = load_settings(
            environment={"HEADWATER_SERVER__HOST": text, "HEADWATER_LOG__LEVEL": text},
            assignments=[Assignment("--set", text, text)],
        )
    except ConfigError as caught:
        error = caught
    assert (settings is None) != (error is None)
