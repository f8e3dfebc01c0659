"""No traceback for anything a person can type or configure: each is run as a process.

What `headwater serve` refuses, `headwater check-config` refuses with the same words.
"""

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from certificate_files import CertificateMaker
from forked_command import ForkedCommand

Run = Callable[..., tuple[int, str]]

USER = '[[access.users]]\nname = "ann"\npassword = "x"\n'
# Root without these is as any user where files and ports are concerned.
AS_USER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-net_bind_service")

# Every text is a file's; FOLDER stands for the test's own, in which these are:
# cert.pem and key.pem, other.key (of another certificate), junk.pem, folder/, file, locked/.
CONFIGURATIONS = {
    "no TOML": ("[server\n", ": not TOML: "),
    "not UTF-8": ("[server]\n# \udcff\n", ": not UTF-8 text"),
    "TOML twice": ("[server]\n[server]\n", ": not TOML: "),
    "TOML without end": ("a = " + "[" * 50_000, ": nested too deeply"),
    "unknown key": ("[server]\nport = 1\n", ":2: server.port: unknown key (did you mean publish_p"),
    "unknown section": ("[sever]\nport = 1\n", ":1: sever: unknown section (did you mean [se"),
    "key at the top": ("publish_port = 1\n", ":1: publish_port: unknown key (it belongs under [se"),
    "sources": ("[[sources]]\nurl = 'x'\n", ":1: sources: sources is a section, not a value"),
    "camera": ("[[cameras]]\nurl = 'x'\n", "a camera is the source of a path"),
    "wrong type": ("[server]\npublish_port = 'x'\n", ':2: server.publish_port: "x" is not allowed'),
    "wrong type of a list": ("[rtp]\nplay_transports = 'tcp'\n", ":2: rtp.play_transports: "),
    "port out of range": ("[server]\npublish_port = 65536\n", ":2: server.publish_port: publish_"),
    "negative port": ("[server]\nplay_port = -1\n", ":2: server.play_port: play_port is -1"),
    "UDP ports out of range": ("[rtp]\nrtp_port_start = 60000\n", "rtp.rtp_port_count: rtp_port_c"),
    "one UDP port": ("[rtp]\nrtp_port_count = 1\n", ":2: rtp.rtp_port_count: rtp_port_count is 1"),
    "not a number": ("[mounts]\ngrace_s = nan\n", ":2: mounts.grace_s: nan is not allowed"),
    "for ever": ("[server]\ndrain_s = inf\n", ":2: server.drain_s: inf is not allowed"),
    "too large for C": ("[server]\nbacklog = 2147483648\n", ":2: server.backlog: backlog is 2147"),
    "control characters": ('[tls]\ncertificate = "a\\u0000"\n', ":2: tls.certificate: 'a\\x00' ho"),
    "bad pattern": (
        f'{USER}read = [""]\n',
        ":4: access.users[0].read: read of user ann: '' is",
    ),
    "bad override": ('[[mount_overrides]]\npattern = "/../a"\n', ":2: mount_overrides[0].pattern"),
    "user without rights": (USER, ":1: access.users[0]: user ann may do nothing"),
    "two users of a name": (f'{USER}read = ["*"]\n' * 2, ":6: access.users[1].name: users[1].name"),
    "bad hash": (f'{USER}read = ["*"]\n'.replace('"x"', '"scrypt$1"'), ":3: access.users[0].passw"),
    "no multicast group": ("[mounts]\nmulticast_group = '1.2.3.4'\n", ":2: mounts.multicast_group"),
    "bad proxy": ("[server]\nproxy_protocol_from = ['x']\n", ":2: server.proxy_protocol_from"),
    "TLS port without certificate": ("[server]\nrtsps_port = 322\n", "it needs tls.certificate"),
    "TLS alone without certificate": ("[server]\ntls_only = true\n", "it needs tls.certificate"),
    "key without certificate": ("[tls]\nkey = 'FOLDER/key.pem'\n", ":2: tls.key: key is '"),
    "certificate not there": (
        "[tls]\ncertificate = 'FOLDER/no.pem'\n",
        ":2: tls.certificate: certificate FOLDER/no.pem: No such file or directory",
    ),
    "key not there": (
        "[tls]\ncertificate = 'FOLDER/cert.pem'\nkey = 'FOLDER/no.pem'\n",
        ":3: tls.key: key FOLDER/no.pem: No such file or directory",
    ),
    "key of another": (
        "[tls]\ncertificate = 'FOLDER/cert.pem'\nkey = 'FOLDER/other.key'\n",
        ":3: tls.key: key FOLDER/other.key: it does not belong to certificate FOLDER/cert.pem",
    ),
    "no key": ("[tls]\ncertificate = 'FOLDER/cert.pem'\n", "cert.pem: it holds no usable key, and"),
    "no PEM": ("[tls]\ncertificate = 'FOLDER/junk.pem'\n", "FOLDER/junk.pem: not usable PEM"),
    "folder as certificate": (
        "[tls]\ncertificate = 'FOLDER/folder'\n",
        ":2: tls.certificate: certificate FOLDER/folder: Is a directory",
    ),
    "certificate not readable": (
        "[tls]\ncertificate = 'FOLDER/locked/cert.pem'\n",
        ":2: tls.certificate: certificate FOLDER/locked/cert.pem: Permission denied",
    ),
    "CA not there": (
        (
            "[tls]\ncertificate = 'FOLDER/cert.pem'\nkey = 'FOLDER/key.pem'\n"
            "client_ca = 'FOLDER/no.pem'\nclient_certificates = 'required'\n"
        ),
        ":4: tls.client_ca: CA file FOLDER/no.pem: No such file or directory",
    ),
    "relative status socket": ("[control]\nstatus_socket = 'x'\n", ":2: control.status_socket: "),
    "status socket in no folder": (
        "[control]\nstatus_socket = 'FOLDER/no/x.sock'\n",
        ":2: control.status_socket: no status socket at FOLDER/no/x.sock: No such file or direct",
    ),
    "status socket where a file is": (
        "[control]\nstatus_socket = 'FOLDER/file'\n",
        ":2: control.status_socket: FOLDER/file is there and is no socket",
    ),
    "status socket below a file": (
        "[control]\nstatus_socket = 'FOLDER/file/x'\n",
        ":2: control.status_socket: no status socket at FOLDER/file/x: Not a directory",
    ),
    "status socket not writable": (
        "[control]\nstatus_socket = 'FOLDER/locked/x'\n",
        ":2: control.status_socket: no status socket at FOLDER/locked/x: Permission denied",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("refusals")
    maker = CertificateMaker(folder)
    for name in ("cert", "other"):
        maker.issue(name)
    (folder / "key.pem").write_bytes((folder / "cert.key").read_bytes())
    (folder / "junk.pem").write_text("junk")
    (folder / "file").touch()
    (folder / "folder").mkdir()
    locked = folder / "locked"
    locked.mkdir()
    (locked / "cert.pem").touch()
    locked.chmod(0)
    yield folder
    locked.chmod(0o700)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """The exit code and what was said on standard error; nothing may end in a traceback."""
    as_user: tuple[str, ...] = ()
    if os.name == "posix" and os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv, which takes root's rights away")
        as_user = AS_USER
    with ForkedCommand(as_user) as command:

        def run_one(*arguments: str, environment: Mapping[str, str] = {}) -> tuple[int, str]:
            code, said = command.run(*arguments, environment={**os.environ, **environment})
            assert "Traceback" not in said
            return code, said

        yield run_one


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_wrong_configuration_is_refused_in_the_same_words_by_both(
    name: str, folder: Path, run: Run
) -> None:
    text, said = (part.replace("FOLDER", str(folder)) for part in CONFIGURATIONS[name])
    file = folder / "headwater.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    checked = run("check-config", str(file))
    assert checked == run("serve", "--config", str(file))
    code, words = checked
    assert code == 2
    message, *remedies = words.splitlines()
    assert message.startswith(f"headwater: {file}:")
    assert said in message
    # What is wrong with a value, the message itself says.
    form = "`headwater config` prints a whole file as an example of the form"
    names = "`headwater config` prints every key with its meaning and default"
    if ": unknown " in message:
        assert remedies == [names]
    elif any(word in said for word in ("TOML", "nested", "not a value")):
        assert remedies == [form]
    else:
        assert remedies == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "no.toml",
            (
                "No such file or directory\n"
                "`headwater config > FILE` writes one that has every key with its default"
            ),
        ),
        ("folder", "Is a directory"),
        ("file/x.toml", "Not a directory"),
        ("locked/x.toml", "Permission denied"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_few_words(
    name: str, said: str, folder: Path, run: Run
) -> None:
    file = folder / name
    expected = (2, f"headwater: {file}: {said}\n")
    assert run("check-config", str(file)) == run("serve", "--config", str(file)) == expected


def test_an_empty_file_is_the_defaults(folder: Path, run: Run) -> None:
    empty = folder / "empty.toml"
    empty.touch()
    assert run("check-config", str(empty)) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["serve", "--publish-port", "x"], 2, "--publish-port"),
        (["serve", "--publish-port", "65536"], 2, "a port is from 0 (any free one) to 65535"),
        (["serve", "--rtp-port-count", "0"], 2, "--rtp-port-count: rtp.rtp_port_count: "),
        (["serve", "--set", "x"], 2, "--set x: needs the form section.key=value"),
        (["serve", "--set", "server.x=1"], 2, "--set server.x: server.x: unknown key"),
        (["serve", "--set", "=1"], 2, "unknown key"),
        (["serve", "--loop", "x"], 2, "--loop"),
        (["serve", "x"], 2, "unexpected extra argument"),
        (["sreve"], 2, "No such command"),
        (["--publish-port", "1"], 2, "No such option"),
        (["demo", "--port", "65536"], 2, "--port: server.publish_port: publish_port is 65536"),
        (["demo", "--port", "TAKEN"], 1, "TAKEN in use"),
        (["serve", "--publish-port", "TAKEN"], 1, "headwater: port TAKEN in use"),
        (["serve", "--publish-port", "0", "--play-port", "TAKEN"], 1, "TAKEN in use"),
        (["serve", "--host", "192.0.2.1"], 1, "headwater: this machine has no address 192.0.2.1"),
        (["check-config"], 2, "Missing argument"),
        (["hash-password", "--form", "plain"], 2, "'plain' is not one of"),
        (["publish", "/nowhere.mp4"], 2, "Missing argument"),
        (["status", "--check", "--watch"], 2, "--check looks once"),
        (["status", "--socket", "/nowhere"], 1, "no server answers on /nowhere"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], code: int, said: str, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = str(listener.getsockname()[1])
        host = [] if "--host" in arguments or arguments[0] != "serve" else ["--host", "127.0.0.1"]
        words = [word.replace("TAKEN", taken) for word in arguments]
        found, text = run(words[0], *host, *words[1:])
    assert found == code
    assert said.replace("TAKEN", taken) in " ".join(text.replace("│", " ").split())


def test_a_port_for_root_alone_is_said_with_what_to_do(run: Run) -> None:
    setting = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not setting.exists() or int(setting.read_text()) <= 554:
        pytest.skip("every user may listen on port 554 here")
    code, text = run("serve", "--host", "127.0.0.1", "--publish-port", "554")
    assert code == 1
    assert text.startswith("headwater: not allowed to listen on port 554: Permission denied\n")


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ("[rtp]\nplay_transports = []\n", {}, "rtp.play_transports is empty: nobody can play"),
        ("[rtp]\npublish_transports = []\n", {}, "rtp.publish_transports is empty"),
        ("[rtp]\nplay_transports = ['multicast']\n", {}, "no mount has a multicast_group"),
        ("[tls]\nclient_ca = 'x'\n", {}, "the server asks for no client certificate"),
        ("[server]\nproxy_protocol_from = ['::/0']\n", {}, "every peer is taken for a proxy"),
        ("", {"HEADWATER_PORT": "1"}, "use HEADWATER_SERVER__PUBLISH_PORT to set this key"),
        ("", {"HEADWATER_SERVER_HOST": "1"}, "use HEADWATER_SERVER__HOST to set"),
        (
            (
                '[access]\nmethods = ["digest-sha256", "basic"]\n'
                '[[access.users]]\nname = "u"\npassword = "p"\nread = ["**"]\n'
            ),
            {},
            "ffmpeg, GStreamer and live555 (VLC) know MD5 alone",
        ),
        ("[rtp]\nrequire_secure_media = true\n", {}, "nobody can use rtsps"),
        ("", {"HEADWATER_XYZ": "1"}, "use HEADWATER_<SECTION>__<KEY> to set"),
    ],
)
def test_what_is_likely_meant_otherwise_is_a_warning(
    text: str, environment: dict[str, str], said: str, tmp_path: Path, run: Run
) -> None:
    file = tmp_path / "headwater.toml"
    file.write_text(text)
    code, words = run("check-config", str(file), environment=environment)
    assert code == 0
    (line,) = words.splitlines()
    assert line.startswith("headwater: warning: ")
    assert said in line
