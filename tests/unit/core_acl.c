/* ACLs and credentials: who may do what, and what may be stored. */
#include "server/core/acl_digest.h"
#include "server/core/client.h"
#include "server/core/ip_match.h"
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

TEST(a_digest_is_the_one_that_apache_makes)
{
    struct buf id = {0};

    acl_digest_id(ACL_DIGEST_STANDARD, jute_str("bob:secret"), &id);
    EXPECT_STR(buf_cstr(&id), "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
    id.len = 0;
    acl_digest_id(ACL_DIGEST_STANDARD, jute_str("super:test"), &id);
    EXPECT_STR(buf_cstr(&id), "super:D/InIHSb7yEEbrWz8b9l71RjZJU=");
    id.len = 0;
    acl_digest_id("sha-256", jute_str("bob:secret"), &id);
    EXPECT_STR(buf_cstr(&id), "bob:huAluaVu3uER4LIpielGv9Qqk5x3YVDr6I2R/mXf2wE=");
    buf_done(&id);
}

TEST(the_hashes_have_the_names_that_java_gives_them)
{
    EXPECT(acl_digest_known("SHA3-512"));
    EXPECT(acl_digest_known("SHA-512/256"));
    EXPECT(!acl_digest_known("SHA256"));
    EXPECT(!acl_digest_known(""));
}

TEST(an_address_is_matched_with_a_network_of_its_family)
{
    static const struct {
        const char *address, *id;
        bool valid, matches;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", true, true},
        {"127.0.0.1", "127.0.0.2", true, false},
        {"10.1.2.3", "10.1.0.0/16", true, true},
        {"10.2.2.3", "10.1.0.0/16", true, false},
        {"10.1.2.3", "10.1.3.0/23", true, true},
        {"10.1.4.3", "10.1.3.0/23", true, false},
        {"10.1.2.3", "0.0.0.0/0", true, true},
        {"10.1.2.3", "10.1.2.3/32", true, true},
        {"10.1.2.3", "10.1.2.3/33", false, false},
        {"10.1.2.3", "10.1.2.3/", false, false},
        {"10.1.2.3", "10.1.2.3/-1", false, false},
        {"10.1.2.3", "10.1.2", false, false},
        {"10.1.2.3", "10.1.2.3.4", false, false},
        {"10.1.2.3", "10.1.2.", false, false},
        {"10.1.2.3", "10.1.2.256", false, false},
        {"10.1.2.3", "010.1.+2.3/032", true, true},
        {"10.1.2.3", "host", false, false},
        {"::1", "::1", true, true},
        {"2001:db8::5", "2001:db8::/32", true, true},
        {"2001:db9::5", "2001:db8::/32", true, false},
        {"2001:db8::5", "2001:db8::/129", false, false},
        {"127.0.0.1", "::1", true, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_EQ(ip_id_valid(jute_str(cases[i].id)), cases[i].valid);
        EXPECT_EQ(ip_matches(jute_str(cases[i].address), jute_str(cases[i].id)), cases[i].matches);
    }
    EXPECT(!ip_id_valid(JUTE_NULL));
}

TEST(auth_stands_for_what_the_connection_has_proved)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(create_acl(&rig, 'a', "/x", "auth::cdrwa"),
               "a: reply xid=1 zxid=0x2 err=INVALIDACL");
    EXPECT_STR(add_auth(&rig, 'a', "ip", ""), "a: reply xid=-4 zxid=0x0");
    EXPECT_STR(create_acl(&rig, 'a', "/x", "auth::cdrwa"),
               "a: reply xid=2 zxid=0x3 err=INVALIDACL");
    EXPECT_STR(add_auth(&rig, 'a', "digest", "bob:secret"), "a: reply xid=-4 zxid=0x0");
    EXPECT_STR(add_auth(&rig, 'a', "digest", "bob:secret"), "a: reply xid=-4 zxid=0x0");
    EXPECT_STR(create_acl(&rig, 'a', "/x", "auth:ignored:cdrwa"), "a: reply xid=3 zxid=0x4 /x");
    EXPECT_STR(acl_of(&rig, 'a', "/x"),
               "a: reply xid=4 zxid=0x4 digest:bob:fyVmFCwVbTJYrznoSu1koqYEYF0=:cdrwa "
               "{c=0x4 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    EXPECT_STR(rig_request(&rig, 'a', OP_WHO_AM_I, NULL),
               "a: reply xid=5 zxid=0x4 ip: 127.0.0.1 digest: bob");
    rig_done(&rig);
}

TEST(credentials_belong_to_a_connection_and_open_what_they_match)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig_join(&rig, 'b');
    (void)add_auth(&rig, 'a', "digest", "bob:secret");
    (void)create_acl(&rig, 'a', "/x", "auth::cdrwa");
    EXPECT_STR(get_data(&rig, 'b', "/x", false), "b: reply xid=1 zxid=0x3 err=NOAUTH");
    EXPECT_STR(exists(&rig, 'b', "/x", true), "b: reply xid=2 zxid=0x3 err=NOAUTH");
    EXPECT_STR(acl_of(&rig, 'b', "/x"), "b: reply xid=3 zxid=0x3 err=NOAUTH");
    EXPECT_STR(create(&rig, 'b', "/x/n", "", 0), "b: reply xid=4 zxid=0x4 err=NOAUTH");
    EXPECT_STR(set_data(&rig, 'b', "/x", "", 9), "b: reply xid=5 zxid=0x5 err=NOAUTH");
    (void)add_auth(&rig, 'b', "digest", "bob:wrong");
    EXPECT_STR(get_data(&rig, 'b', "/x", false), "b: reply xid=6 zxid=0x5 err=NOAUTH");
    (void)add_auth(&rig, 'b', "digest", "bob:secret");
    EXPECT_STR(get_data(&rig, 'b', "/x", false),
               "b: reply xid=7 zxid=0x5 '' {c=0x3 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    EXPECT_EQ(core_stats(rig.core).watches, 0);
    rig_done(&rig);
}

TEST(who_may_not_administer_sees_no_hashes)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create_acl(&rig, 'a', "/x", "world:anyone:r,digest:bob:hash:cdrwa");
    EXPECT_STR(acl_of(&rig, 'a', "/x"), "a: reply xid=2 zxid=0x2 world:anyone:r,digest:bob:x:cdrwa "
                                        "{c=0x2 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    rig_done(&rig);
}

TEST(the_super_user_passes_everything)
{
    struct rig rig;

    rig_config(&rig);
    rig.config.super_digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    rig_start(&rig);
    rig_join(&rig, 'a');
    (void)create_acl(&rig, 'a', "/x", "digest:bob:hash:r");
    EXPECT_STR(set_data(&rig, 'a', "/x", "", -1), "a: reply xid=2 zxid=0x3 err=NOAUTH");
    (void)add_auth(&rig, 'a', "digest", "super:test");
    EXPECT_STR(set_data(&rig, 'a', "/x", "", -1),
               "a: reply xid=3 zxid=0x4 {c=0x2 m=0x4 ct=1000000 v=1 cv=0 av=0 len=0 kids=0}");
    EXPECT_STR(rig_request(&rig, 'a', OP_WHO_AM_I, NULL),
               "a: reply xid=4 zxid=0x4 ip: 127.0.0.1 super: '' digest: super");
    rig_done(&rig);
}

TEST(without_the_scheme_digest_nobody_proves_or_stores_one)
{
    struct rig rig;

    rig_config(&rig);
    rig.config.digest_off = true;
    rig.config.super_digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    rig_start(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(create_acl(&rig, 'a', "/x", "digest:bob:hash:r"),
               "a: reply xid=1 zxid=0x2 err=INVALIDACL");
    EXPECT_STR(add_auth(&rig, 'a', "digest", "super:test"),
               "a: reply xid=-4 zxid=0x0 err=AUTHFAILED; a: closed: authentication failed");
    rig_done(&rig);
}

TEST(with_skip_acl_nobody_is_asked)
{
    struct rig rig;

    rig_config(&rig);
    rig.config.skip_acl = true;
    rig_start(&rig);
    rig_join(&rig, 'a');
    (void)create_acl(&rig, 'a', "/x", "digest:bob:hash:r");
    EXPECT_STR(delete (&rig, 'a', "/x", -1), "a: reply xid=2 zxid=0x3");
    rig_done(&rig);
}

TEST(a_scheme_that_nobody_proves_by_a_packet_ends_the_connection)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(add_auth(&rig, 'a', "world", "anyone"),
               "a: reply xid=-4 zxid=0x0 err=AUTHFAILED; a: closed: authentication failed");
    EXPECT_EQ(core_stats(rig.core).auth_failed, 1);
    rig_done(&rig);
}

TEST(credentials_of_a_connection_have_a_limit)
{
    struct rig rig;
    char user[16] = "u00:p";

    rig_init(&rig);
    rig_join(&rig, 'a');
    for (int i = 1; i < CREDENTIALS_MAX; i++) {
        user[1] = (char)('0' + i / 10);
        user[2] = (char)('0' + i % 10);
        EXPECT_STR(add_auth(&rig, 'a', "digest", user), "a: reply xid=-4 zxid=0x0");
    }
    EXPECT_STR(add_auth(&rig, 'a', "digest", "one:more"),
               "a: reply xid=-4 zxid=0x0 err=AUTHFAILED; a: closed: authentication failed");
    rig_done(&rig);
}

TEST(only_well_formed_entries_are_stored_once_each)
{
    static const char *const refused[] = {
        "world:somebody:r", "digest:bob:r",     "digest:a:b:c:r", "ip:host:r",
        "ip:1.2.3.4/40:r",  "nosuchscheme:x:r", "super:x:r",      "",
    };
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        EXPECT(strstr(create_acl(&rig, 'a', "/x", refused[i]), "INVALIDACL") != NULL);
    (void)create_acl(&rig, 'a', "/x", "world:anyone:r,ip:1.2.3.4/8:w,world:anyone:r,x509:CN=a:a");
    EXPECT_STR(acl_of(&rig, 'a', "/x"),
               "a: reply xid=10 zxid=0xa world:anyone:r,ip:1.2.3.4/8:w,x509:CN=a:a "
               "{c=0xa ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    rig_done(&rig);
}

TEST(an_acl_of_too_many_entries_is_refused_before_it_costs_anything)
{
    struct rig rig;
    struct buf body = {0};

    rig_init(&rig);
    rig_join(&rig, 'a');
    put_ustring(&body, jute_str("/x"));
    put_buffer(&body, jute_str(""));
    put_i32(&body, 50000);
    for (int32_t i = 0; i < 50000; i++) {
        put_i32(&body, i);
        put_ustring(&body, jute_str("world"));
        put_ustring(&body, jute_str("anyone"));
    }
    put_i32(&body, 0);
    EXPECT_STR(rig_request(&rig, 'a', OP_CREATE, &body), "a: reply xid=1 zxid=0x2 err=INVALIDACL");
    buf_done(&body);
    rig_done(&rig);
}
