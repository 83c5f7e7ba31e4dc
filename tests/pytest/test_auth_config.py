"""What zoo.cfg says about who may talk to the server at all."""
import base64
import hashlib

import pytest

from harness import wire

REQUIRED, AUTHFAILED = -124, -115
AUTH, SASL = 100, 102


def add_auth(raw, scheme, credential):
    body = wire.integer(0) + wire.string(scheme) + wire.buffer(credential)
    return raw.call(AUTH, body, xid=-4)


@pytest.fixture
def enforcing(new_server):
    return new_server(enforce_auth_enabled="true", enforce_auth_schemes="digest")


@pytest.mark.sanitized
def test_who_has_not_authenticated_is_sent_away(enforcing):
    raw = enforcing.session()
    reply = raw.get_data("/")
    assert (reply.err, reply.zxid) == (REQUIRED, 0)
    raw.expect_close()


def test_a_ping_is_a_request_as_well(enforcing):
    raw = enforcing.session()
    assert raw.ping().err == REQUIRED
    raw.expect_close()


@pytest.mark.sanitized
def test_who_has_authenticated_is_served(enforcing, path):
    raw = enforcing.session()
    assert add_auth(raw, "digest", b"bob:secret").err == wire.OK
    assert raw.made(path) == path


def test_the_scheme_ip_is_everybody(new_server, path):
    raw = new_server(enforce_auth_enabled="true", enforce_auth_schemes="digest,ip").session()
    assert raw.made(path) == path


@pytest.mark.sanitized
def test_a_client_of_another_ensemble_is_sent_away(new_server, path):
    server = new_server(
        ensembleAuthName="blue,green",
        authProvider_1="org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider")
    right, unnamed, wrong = server.session(), server.session(), server.session()
    assert add_auth(right, "ensemble", b"green").err == wire.OK
    assert add_auth(unnamed, "ensemble", b"").err == wire.OK
    assert right.made(path) == path
    wrong.send(AUTH, wire.integer(0) + wire.string("ensemble") + wire.buffer(b"gree"), xid=-4)
    wrong.expect_close()  # without a word
    values = server.mntr()
    for name in "success", "skip", "fail":
        assert values[f"zk_ensemble_auth_{name}"] == "1"


def test_isro_is_answered_where_read_only_mode_is_on(new_zkfsd):
    server = new_zkfsd(whitelist=None, readonlymode_enabled="true")
    assert server.ask("isro") == "rw"
    assert "not in the whitelist" in server.ask("ruok")


def digest_id(algorithm, user_password):
    """What the ACL of a znode must hold for USER_PASSWORD."""
    hashed = hashlib.new(algorithm, user_password.encode()).digest()
    return user_password.split(":")[0] + ":" + base64.b64encode(hashed).decode()


@pytest.mark.sanitized
@pytest.mark.parametrize("java, python", [("SHA-256", "sha256"), ("sha3-512", "sha3_512")])
def test_the_hash_of_digests_can_be_chosen(new_server, path, java, python):
    server = new_server(DigestAuthenticationProvider_digestAlg=java,
                        DigestAuthenticationProvider_superDigest=digest_id(python, "super:test"))
    owner, other, root = server.session(), server.session(), server.session()
    for raw, who in (owner, b"bob:secret"), (other, b"bob:other"), (root, b"super:test"):
        assert add_auth(raw, "digest", who).err == wire.OK
    owner.made(path, b"data", acl=[(31, "auth", "")])
    assert other.get_data(path).err == wire.NOAUTH
    assert root.get_data(path).err == wire.OK
    stored = owner.get_acl(path).body.acl_list()
    assert stored == [(31, "digest", digest_id(python, "bob:secret"))]


@pytest.mark.sanitized
def test_a_scheme_digest_that_is_turned_off_is_of_no_use(new_server, path):
    server = new_server(DigestAuthenticationProvider_superDigest=digest_id("sha1", "super:test"))
    entry = (31, "digest", digest_id("sha1", "bob:secret"))
    server.session().made(path, acl=[entry])
    server.config["DigestAuthenticationProvider.enabled"] = "false"
    server.restart()
    raw = server.session()
    assert raw.get_data(path).err == wire.NOAUTH
    assert raw.create(path + "2", acl=[entry]).err == wire.INVALIDACL
    assert add_auth(raw, "digest", b"super:test").err == AUTHFAILED
    raw.expect_close()


@pytest.mark.sanitized
@pytest.mark.parametrize("op, body", [
    (AUTH, b""), (AUTH, wire.integer(0)), (AUTH, wire.integer(0) + wire.integer(-5)),
    (SASL, b""), (SASL, wire.integer(-7)), (SASL, wire.buffer(None))])
def test_a_packet_that_cannot_be_read_closes_without_a_word(server, op, body):
    raw = server.session()
    raw.send(op, body, xid=-4)
    raw.expect_close()


@pytest.mark.sanitized
@pytest.mark.parametrize("scheme", ["digest", "world", "auth", "super", "x509", "Digest", "", None])
def test_what_proves_nothing_is_refused(server, scheme):
    raw = server.session()
    credential = None if scheme == "digest" else b"a:b"
    reply = add_auth(raw, scheme, credential)
    assert (reply.err, reply.zxid) == (AUTHFAILED, 0)
    raw.expect_close()
