/* auth: see auth.h. */
#include "server/core/auth.h"

#include "server/core/acl_digest.h"
#include "server/core/core_state.h"
#include "server/core/reply.h"

static bool text_is(struct jute_bytes bytes, const char *text)
{
    return jute_equal(bytes, jute_str(text));
}

/* The digest of the configured super user makes one on top [superDigest]. */
static bool add_digest(struct core_client *client, struct jute_bytes auth)
{
    const char *super = client->core->config.super_digest;
    struct buf id = {0};
    bool added = true;
    struct jute_bytes text;

    acl_digest_id(client->core->config.digest_algorithm, auth, &id);
    text = (struct jute_bytes){.data = id.data, .len = (int32_t)id.len};
    if (super != NULL && text_is(text, super))
        added = client_add_credential(client, jute_str("super"), jute_str(""));
    added = added && client_add_credential(client, jute_str("digest"), text);
    buf_done(&id);
    return added;
}

/* Whether the comma-separated LIST has the item TEXT. */
static bool list_has(const char *list, struct jute_bytes text)
{
    static const char separators[] = ", \t";

    for (list += strspn(list, separators); *list != '\0'; list += strspn(list, separators)) {
        size_t len = strcspn(list, separators);

        if (jute_equal((struct jute_bytes){.data = (const uint8_t *)list, .len = (int32_t)len},
                       text))
            return true;
        list += len;
    }
    return false;
}

enum outcome {
    PROVED,
    NOT_PROVED, /* told so, and closed */
    SENT_AWAY,  /* closed */
};

/* Keeps clients off the wrong ensemble, and proves nothing. Who names none is welcome
 * [EnsembleAuthenticationProvider]. */
static enum outcome check_ensemble(struct core_client *client, struct jute_bytes name)
{
    const char *names = client->core->config.ensemble_names;
    struct core_stats *stats = &client->core->stats;

    if (names == NULL)
        return NOT_PROVED;
    if (name.len <= 0) {
        stats->ensemble_auth.none++;
        return PROVED;
    }
    if (!list_has(names, name)) {
        stats->ensemble_auth.wrong++;
        return SENT_AWAY;
    }
    stats->ensemble_auth.right++;
    return PROVED;
}

/* The address that scheme ip stands for was a credential from the beginning. */
static enum outcome authenticate(struct core_client *client, const struct zk_auth_packet *packet)
{
    if (text_is(packet->scheme, "ensemble"))
        return check_ensemble(client, packet->auth);
    if (text_is(packet->scheme, "digest") && !client->core->config.digest_off)
        return packet->auth.len >= 0 && add_digest(client, packet->auth) ? PROVED : NOT_PROVED;
    return text_is(packet->scheme, "ip") ? PROVED : NOT_PROVED;
}

/* The zxid of the reply is 0: it belongs to no point of the history. */
void auth_request(struct core_client *client, int32_t xid, struct jute_reader *body)
{
    struct zk_auth_packet packet;
    enum outcome outcome;

    get_auth_packet(body, &packet);
    if (body->bad) {
        client_close(client, "auth packet that cannot be read");
        return;
    }
    outcome = authenticate(client, &packet);
    if (outcome != SENT_AWAY)
        reply_header(client, xid, 0, outcome == PROVED ? ZOK : ZAUTHFAILED);
    if (outcome == PROVED)
        return;
    client->core->stats.auth_failed++;
    client_close(client,
                 outcome == SENT_AWAY ? "client of another ensemble" : "authentication failed");
}

void auth_sasl(struct core_client *client, int32_t xid, struct jute_reader *body)
{
    struct zk_sasl_packet packet;

    get_sasl_packet(body, &packet);
    if (body->bad || packet.token.len < 0) {
        client_close(client, "sasl packet that cannot be read");
        return;
    }
    put_sasl_packet(reply_begin(client, xid, 0), &(struct zk_sasl_packet){.token = JUTE_NULL});
    reply_end(client, ZOK);
}

/* The answer overtakes what waits, as it does at Apache's [AuthenticationHelper]. */
bool auth_suffices(struct core_client *client, int32_t xid)
{
    const char *schemes = client->core->config.auth_schemes;

    if (schemes == NULL)
        return true;
    for (int32_t i = 0; i < client->who.count; i++)
        if (list_has(schemes, client->who.items[i].scheme))
            return true;
    reply_header(client, xid, 0, ZSESSIONCLOSEDREQUIRESASLAUTH);
    client_close(client, "not authenticated, as enforce.auth.enabled asks for");
    return false;
}
