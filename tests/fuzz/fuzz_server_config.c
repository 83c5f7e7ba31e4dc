/* Fuzzer of zoo.cfg: a text is read, or refused with a sentence that names the file; what is read
 * is within the limits that the rest of the server relies on. */
#include "proto/base/assert.h"
#include "server/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_note(void *arg, bool is_warning, const char *text)
{
    (void)arg;
    (void)is_warning;
    ASSERT(text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errtext why = {.text = ""};
    struct config config = {0};

    if (config_parse("zoo.cfg", (const char *)data, size, on_note, NULL, &config, &why) < 0) {
        ASSERT(strstr(why.text, "zoo.cfg") != NULL);
        return 0;
    }
    ASSERT(config.data_dir != NULL);
    ASSERT(config.data_log_dir != NULL);
    ASSERT(config.client_port >= 0 && config.client_port <= 65535);
    ASSERT(config.tick_ms > 0);
    ASSERT(config.min_session_timeout_ms > 0);
    ASSERT(config.min_session_timeout_ms <= config.max_session_timeout_ms);
    ASSERT(config.frame_bytes_max > 0);
    config_done(&config);
    return 0;
}
