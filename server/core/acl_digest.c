/* acl_digest: see acl_digest.h. */
#include "server/core/acl_digest.h"

#include "proto/base/assert.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

/* Four characters for three bytes, rounded up, and EVP's NUL. */
#define BASE64_BYTES ((SHA_DIGEST_LENGTH + 2) / 3 * 4 + 1)

void acl_digest_id(struct jute_bytes user_password, struct buf *ret_id)
{
    size_t len = jute_size(user_password);
    const uint8_t *colon = len == 0 ? NULL : memchr(user_password.data, ':', len);
    uint8_t hash[SHA_DIGEST_LENGTH];
    uint8_t text[BASE64_BYTES];
    int text_len;

    ASSERT(EVP_Digest(len == 0 ? (const void *)"" : user_password.data, len, hash, NULL, EVP_sha1(),
                      NULL) == 1);
    text_len = EVP_EncodeBlock(text, hash, sizeof hash);
    buf_append(ret_id, user_password.data,
               colon == NULL ? len : (size_t)(colon - user_password.data));
    buf_append(ret_id, ":", 1);
    buf_append(ret_id, text, (size_t)text_len);
}
