// A client or server of wolfSSL, of DTLS 1.2 or 1.3, as the matrix wants one: see ../matrix/drivers.js.

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *identity = NULL;
static unsigned char psk[64];
static unsigned int psk_length = 0;
/* Bytes of the connection ID that it asks for; 0 for no IDs. */
static unsigned int id_length = 0;

/* Whether it speaks DTLS 1.3, and no other version. */
static int is_newer = 0;
/* What wolfSSL calls the cipher suite. */
static const char *suite = NULL;
/* The only group for the key exchange; 0 for all. */
static int group = 0;
/* Whether a server replaces its keys after its first answer, and has its client do so. */
static int updates = 0;

static void fail(const char *what, WOLFSSL *ssl, int result)
{
    char text[80] = "";
    if (ssl != NULL) wolfSSL_ERR_error_string(wolfSSL_get_error(ssl, result), text);
    fprintf(stderr, "%s failed: %s\n", what, text);
    exit(1);
}

/* wolfSSL calls it for every suite that it knows; PSK is asked for once more for TLS 1.3, which is off. */
static unsigned int client_psk(WOLFSSL *ssl, const char *hint, char *name, unsigned int name_size,
                               unsigned char *key, unsigned int key_size)
{
    (void)ssl, (void)hint;
    if (psk_length > key_size) return 0;
    snprintf(name, name_size, "%s", identity);
    memcpy(key, psk, psk_length);
    return psk_length;
}

static unsigned int server_psk(WOLFSSL *ssl, const char *name, unsigned char *key, unsigned int key_size)
{
    (void)ssl;
    if (psk_length > key_size || strcmp(name, identity) != 0) return 0;
    memcpy(key, psk, psk_length);
    return psk_length;
}

#ifdef WOLFSSL_DTLS13
static unsigned int client_psk13(WOLFSSL *ssl, const char *hint, char *name, unsigned int name_size,
                                 unsigned char *key, unsigned int key_size, const char **suite_of_key)
{
    *suite_of_key = suite;
    return client_psk(ssl, hint, name, name_size, key, key_size);
}

static unsigned int server_psk13(WOLFSSL *ssl, const char *name, unsigned char *key, unsigned int key_size,
                                 const char **suite_of_key)
{
    *suite_of_key = suite;
    return server_psk(ssl, name, key, key_size);
}
#endif

/* The name that wolfSSL has for a suite of DTLS 1.3: without it, OpenSSL's and the RFCs' names are its own. */
static const char *own_name(const char *name)
{
    static const char *const NAMES[][2] = {
        { "TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256" },
        { "TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384" },
        { "TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256" },
        { "TLS_AES_128_CCM_SHA256", "TLS13-AES128-CCM-SHA256" },
        { "TLS_AES_128_CCM_8_SHA256", "TLS13-AES128-CCM-8-SHA256" },
    };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strcmp(name, NAMES[i][0]) == 0) return NAMES[i][1];
    return name;
}

static int number_of_group(const char *name)
{
    static const struct { const char *name; int number; } GROUPS[] = {
        { "P-256", 23 }, { "P-384", 24 }, { "X25519", 29 }, { "X25519MLKEM768", 4588 },
    };
    for (size_t i = 0; i < sizeof(GROUPS) / sizeof(GROUPS[0]); i++)
        if (strcmp(name, GROUPS[i].name) == 0) return GROUPS[i].number;
    return -1;
}

/* What a connection of DTLS 1.3 is told before its handshake. */
static void prepare(WOLFSSL *ssl, int is_client)
{
    if (!is_newer) return;
#ifdef WOLFSSL_DTLS13
    int result = WOLFSSL_SUCCESS;
    if (group != 0) result = wolfSSL_set_groups(ssl, &group, 1);
    if (result == WOLFSSL_SUCCESS && group != 0 && is_client) result = wolfSSL_UseKeyShare(ssl, (word16)group);
#ifdef WOLFSSL_DTLS_CH_FRAG
    /* A post-quantum hello comes in fragments. */
    if (result == WOLFSSL_SUCCESS && !is_client) result = wolfSSL_dtls13_allow_ch_frag(ssl, 1);
#endif
    if (result != WOLFSSL_SUCCESS) fail("the options of DTLS 1.3", ssl, result);
#endif
}

/* DTLS 1.3 without a key exchange beside the pre-shared key. */
static int use_key_alone(WOLFSSL_CTX *context)
{
#ifdef WOLFSSL_DTLS13
    return wolfSSL_CTX_no_dhe_psk(context) == 0 ? WOLFSSL_SUCCESS : WOLFSSL_FAILURE;
#else
    (void)context;
    return WOLFSSL_FAILURE;
#endif
}

static void update_keys(WOLFSSL *ssl)
{
#ifdef WOLFSSL_DTLS13
    int result = wolfSSL_update_keys(ssl);
    if (result != WOLFSSL_SUCCESS) fail("wolfSSL_update_keys", ssl, result);
#else
    fail("wolfSSL_update_keys: not in this build", ssl, 0);
#endif
}

/* Raw public keys, as SubjectPublicKeyInfo in hexadecimal: our own, and the only one that the peer may have. */
static int use_raw_keys(WOLFSSL_CTX *context, const char *own, const char *peer)
{
#if defined(HAVE_RPK) && defined(WOLFSSL_DTLS13)
    unsigned char bytes[2][1024];
    const char *text[2] = { own, peer };
    int length[2] = { 0, 0 };
    for (int i = 0; i < 2; i++)
        for (; text[i][0] && length[i] < 1024; text[i] += 2) sscanf(text[i], "%2hhx", &bytes[i][length[i]++]);
    const char kinds[] = { WOLFSSL_CERT_TYPE_RPK };
    int result = wolfSSL_CTX_use_certificate_buffer(context, bytes[0], length[0], WOLFSSL_FILETYPE_ASN1);
    if (result == WOLFSSL_SUCCESS) result = wolfSSL_CTX_set_client_cert_type(context, kinds, 1);
    if (result == WOLFSSL_SUCCESS) result = wolfSSL_CTX_set_server_cert_type(context, kinds, 1);
    if (result == WOLFSSL_SUCCESS)
        result = wolfSSL_CTX_set_expected_rpk(context, bytes[1], (unsigned int)length[1]);
    return result;
#else
    (void)context, (void)own, (void)peer;
    return WOLFSSL_FAILURE;
#endif
}

#ifdef WOLFSSL_DTLS_CID
/* Hears the peer at any address; wolfSSL goes after it when a record with its ID is authentic. */
static int receive_anywhere(WOLFSSL *ssl, char *buffer, int size, void *context)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof(peer);
    ssize_t received = recvfrom(*(int *)context, buffer, (size_t)size, 0, (struct sockaddr *)&peer, &length);
    if (received < 0) return WOLFSSL_CBIO_ERR_GENERAL;
    if (wolfSSL_is_init_finished(ssl)) wolfSSL_dtls_set_pending_peer(ssl, &peer, length);
    return (int)received;
}
#endif

static void use_ids(WOLFSSL *ssl)
{
    if (id_length == 0) return;
#ifdef WOLFSSL_DTLS_CID
    unsigned char id[32];
    memset(id, 0x5a, sizeof(id));
    int result = wolfSSL_dtls_cid_use(ssl);
    if (result == WOLFSSL_SUCCESS) result = wolfSSL_dtls_cid_set(ssl, id, id_length);
    if (result != WOLFSSL_SUCCESS) fail("wolfSSL_dtls_cid_set", ssl, result);
#else
    fail("wolfSSL_dtls_cid_use: not in this build", ssl, 0);
#endif
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static WOLFSSL *open_client(WOLFSSL_CTX *context, int port, int verifies, WOLFSSL_SESSION *session)
{
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = loopback(port);
    WOLFSSL *ssl = wolfSSL_new(context);
    if (descriptor < 0 || ssl == NULL) fail("wolfSSL_new", NULL, 0);
    wolfSSL_dtls_set_peer(ssl, &address, sizeof(address));
    wolfSSL_set_fd(ssl, descriptor);
    if (verifies) wolfSSL_check_domain_name(ssl, "localhost");
    if (session != NULL) wolfSSL_set_session(ssl, session);
    use_ids(ssl);
    prepare(ssl, 1);
    int result = wolfSSL_connect(ssl);
    if (result != WOLFSSL_SUCCESS) fail("wolfSSL_connect", ssl, result);
    return ssl;
}

static void run_client(WOLFSSL_CTX *context, int port, int verifies)
{
    char buffer[2048];
    WOLFSSL *ssl = open_client(context, port, verifies, NULL);
    printf("connected\n");
    while (fgets(buffer, sizeof(buffer), stdin) != NULL) {
        if (strcmp(buffer, "again\n") == 0) {
            WOLFSSL_SESSION *session = wolfSSL_get1_session(ssl);
            wolfSSL_shutdown(ssl);
            wolfSSL_free(ssl);
            ssl = open_client(context, port, verifies, session);
            printf("connected again\n");
            continue;
        }
        if (strcmp(buffer, "update\n") == 0) {
            update_keys(ssl);
            printf("updating\n");
            continue;
        }
        if (wolfSSL_write(ssl, buffer, (int)strlen(buffer)) <= 0) fail("wolfSSL_write", ssl, 0);
        int length = wolfSSL_read(ssl, buffer, sizeof(buffer) - 1);
        if (length <= 0) fail("wolfSSL_read", ssl, length);
        printf("received %.*s", length, buffer);
    }
}

static void run_server(WOLFSSL_CTX *context, int port)
{
    char buffer[2048];
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    struct sockaddr_in address = loopback(port), peer;
    socklen_t peer_length = sizeof(peer);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) fail("bind", NULL, 0);
    printf("listening\n");
    recvfrom(descriptor, buffer, sizeof(buffer), MSG_PEEK, (struct sockaddr *)&peer, &peer_length);
    /* With IDs, it hears its peer from any address, and goes after it. */
    if (id_length == 0) connect(descriptor, (struct sockaddr *)&peer, peer_length);
    WOLFSSL *ssl = wolfSSL_new(context);
    wolfSSL_set_fd(ssl, descriptor);
    wolfSSL_dtls_set_peer(ssl, &peer, peer_length);
    use_ids(ssl);
    prepare(ssl, 0);
#ifdef WOLFSSL_DTLS_CID
    if (id_length > 0) {
        wolfSSL_SSLSetIORecv(ssl, receive_anywhere);
        wolfSSL_SetIOReadCtx(ssl, &descriptor);
    }
#endif
    int result = wolfSSL_accept(ssl);
    if (result != WOLFSSL_SUCCESS) fail("wolfSSL_accept", ssl, result);
    printf("connected\n");
    int length;
    for (int count = 0; (length = wolfSSL_read(ssl, buffer, sizeof(buffer))) > 0; count++) {
        wolfSSL_write(ssl, buffer, length);
        if (updates && count == 0) update_keys(ssl);
    }
    wolfSSL_free(ssl);
    close(descriptor);
}

int main(int count, char **arguments)
{
    if (count < 3) {
        printf("%s\n", wolfSSL_lib_version());
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    wolfSSL_Init();
    int is_client = strcmp(arguments[1], "client") == 0;
    int mode = WOLFSSL_VERIFY_NONE;
    for (int i = 3; i < count; i++) is_newer |= strcmp(arguments[i], "version=DTLSv1.3") == 0;
    WOLFSSL_METHOD *method = is_client ? wolfDTLSv1_2_client_method() : wolfDTLSv1_2_server_method();
#ifdef WOLFSSL_DTLS13
    if (is_newer) method = is_client ? wolfDTLSv1_3_client_method() : wolfDTLSv1_3_server_method();
#else
    if (is_newer) fail("DTLS 1.3: not in this build", NULL, 0);
#endif
    WOLFSSL_CTX *context = wolfSSL_CTX_new(method);
    const char *own_key = NULL;
    int has_names = 0;
    for (int i = 3; i < count; i++) {
        char *name = arguments[i], *value = strchr(name, '=');
        if (value == NULL) continue;
        *value++ = '\0';
        int result = WOLFSSL_SUCCESS;
        if (strcmp(name, "identity") == 0) identity = value;
        if (strcmp(name, "id") == 0) id_length = (unsigned int)atoi(value);
        if (strcmp(name, "psk") == 0)
            for (; value[0] && psk_length < sizeof(psk); value += 2) sscanf(value, "%2hhx", &psk[psk_length++]);
        if (strcmp(name, "ca") == 0) {
            result = wolfSSL_CTX_load_verify_locations(context, value, NULL);
            mode = WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
            has_names = 1;
        }
        if (strcmp(name, "cert") == 0) result = wolfSSL_CTX_use_certificate_chain_file(context, value);
        if (strcmp(name, "key") == 0)
            result = wolfSSL_CTX_use_PrivateKey_file(context, value, WOLFSSL_FILETYPE_PEM);
        if (strcmp(name, "resume") == 0 && strcmp(value, "ticket") == 0)
            result = wolfSSL_CTX_UseSessionTicket(context);
        if (strcmp(name, "suite") == 0) result = wolfSSL_CTX_set_cipher_list(context, suite = own_name(value));
        if (strcmp(name, "group") == 0 && (group = number_of_group(value)) < 0) result = WOLFSSL_FAILURE;
        if (strcmp(name, "updates") == 0) updates = 1;
        if (strcmp(name, "alone") == 0) result = use_key_alone(context);
        if (strcmp(name, "rawKey") == 0) own_key = value;
        if (strcmp(name, "peerKey") == 0) {
            result = use_raw_keys(context, own_key, value);
            mode = WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        }
        if (result != WOLFSSL_SUCCESS) fail(name, NULL, 0);
    }
    if (psk_length > 0 && is_client) wolfSSL_CTX_set_psk_client_callback(context, client_psk);
    if (psk_length > 0 && !is_client) wolfSSL_CTX_set_psk_server_callback(context, server_psk);
#ifdef WOLFSSL_DTLS13
    if (psk_length > 0 && is_client) wolfSSL_CTX_set_psk_client_tls13_callback(context, client_psk13);
    if (psk_length > 0 && !is_client) wolfSSL_CTX_set_psk_server_tls13_callback(context, server_psk13);
#endif
    wolfSSL_CTX_set_verify(context, mode, NULL);
    int port = atoi(arguments[2]);
    if (is_client) run_client(context, port, has_names);
    else for (;;) run_server(context, port);
    return 0;
}
