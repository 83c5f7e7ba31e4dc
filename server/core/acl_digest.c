/* acl_digest: see acl_digest.h. */
#include "server/core/acl_digest.h"

#include "proto/base/assert.h"

#include <openssl/evp.h>
#include <strings.h>

/* Four characters for three bytes, rounded up, and EVP's NUL. */
#define BASE64_BYTES ((EVP_MAX_MD_SIZE + 2) / 3 * 4 + 1)

/* What Java has, but for MD2. NULL: unknown. */
static const EVP_MD *find(const char *algorithm)
{
    static const struct {
        const char *name;
        const EVP_MD *(*hash)(void);
    } rows[] = {
        {"SHA1", EVP_sha1},
        {"SHA-1", EVP_sha1},
        {"SHA", EVP_sha1},
        {"SHA-224", EVP_sha224},
        {"SHA-256", EVP_sha256},
        {"SHA-384", EVP_sha384},
        {"SHA-512", EVP_sha512},
        {"SHA-512/224", EVP_sha512_224},
        {"SHA-512/256", EVP_sha512_256},
        {"SHA3-224", EVP_sha3_224},
        {"SHA3-256", EVP_sha3_256},
        {"SHA3-384", EVP_sha3_384},
        {"SHA3-512", EVP_sha3_512},
        {"MD5", EVP_md5},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcasecmp(rows[i].name, algorithm) == 0)
            return rows[i].hash();
    return NULL;
}

bool acl_digest_known(const char *algorithm)
{
    return find(algorithm) != NULL;
}

void acl_digest_id(const char *algorithm, struct jute_bytes user_password, struct buf *ret_id)
{
    size_t len = jute_size(user_password);
    const uint8_t *colon = len == 0 ? NULL : memchr(user_password.data, ':', len);
    uint8_t hash[EVP_MAX_MD_SIZE];
    uint8_t text[BASE64_BYTES];
    unsigned hash_len;
    int text_len;

    ASSERT(EVP_Digest(len == 0 ? (const void *)"" : user_password.data, len, hash, &hash_len,
                      find(algorithm), NULL) == 1);
    text_len = EVP_EncodeBlock(text, hash, (int)hash_len);
    buf_append(ret_id, user_password.data,
               colon == NULL ? len : (size_t)(colon - user_password.data));
    buf_append(ret_id, ":", 1);
    buf_append(ret_id, text, (size_t)text_len);
}
