// A client or server of BoringSSL, of DTLS 1.2 or 1.3, as the matrix wants one: see ../matrix/drivers.js.

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As patient as the matrix, ms. */
#define PATIENCE 100000
/* A record of a handshake in epoch 0 begins so, and a ClientHello in it has this kind (RFC 6347 sections 4.1 and 4.2.2). */
#define HANDSHAKE 22
#define CLIENT_HELLO 1
#define KIND_AT 13

static const char *identity = NULL;
static uint8_t psk[64];
static size_t psk_length = 0;
/* The only raw public key that the peer may have, as SubjectPublicKeyInfo. */
static uint8_t peer_key[1024];
static size_t peer_key_length = 0;
/* Whether a server replaces its keys after its first answer, and has its client do so. */
static int updates = 0;
/* The session that came last. */
static SSL_SESSION *session = NULL;

static void fail(const char *what)
{
    fprintf(stderr, "%s failed: ", what);
    ERR_print_errors_fp(stderr);
    fprintf(stderr, "\n");
    exit(1);
}

static void check(int result, const char *what)
{
    if (result != 1) fail(what);
}

static size_t bytes_of(const char *digits, uint8_t *bytes, size_t size)
{
    size_t length = 0;
    for (; digits[0] && length < size; digits += 2) sscanf(digits, "%2hhx", &bytes[length++]);
    return length;
}

/* Of DTLS 1.2: in DTLS 1.3, BoringSSL has imported keys alone (RFC 9258). */
static unsigned client_psk(SSL *ssl, const char *hint, char *name, unsigned name_size, uint8_t *key, unsigned key_size)
{
    (void)ssl, (void)hint;
    if (psk_length > key_size) return 0;
    snprintf(name, name_size, "%s", identity);
    memcpy(key, psk, psk_length);
    return (unsigned)psk_length;
}

static unsigned server_psk(SSL *ssl, const char *name, uint8_t *key, unsigned key_size)
{
    (void)ssl;
    if (psk_length > key_size || strcmp(name, identity) != 0) return 0;
    memcpy(key, psk, psk_length);
    return (unsigned)psk_length;
}

static int keep_session(SSL *ssl, SSL_SESSION *given)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = given;
    return 1;
}

static enum ssl_verify_result_t verify_raw_key(SSL *ssl, uint8_t *alert)
{
    uint8_t *shown = NULL;
    EVP_PKEY *key = SSL_get0_peer_rpk(ssl);
    int length = key == NULL ? -1 : i2d_PUBKEY(key, &shown);
    int is_known = length > 0 && (size_t)length == peer_key_length && memcmp(shown, peer_key, peer_key_length) == 0;
    OPENSSL_free(shown);
    *alert = SSL_AD_BAD_CERTIFICATE;
    return is_known ? ssl_verify_ok : ssl_verify_invalid;
}

/* Raw public keys on both sides; our own is in a file with the private one. */
static void use_raw_keys(SSL_CTX *context, const char *own)
{
    const uint8_t kinds[] = { TLSEXT_cert_type_rpk };
    FILE *file = fopen(own, "r");
    EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
    SSL_CREDENTIAL *credential = key == NULL ? NULL : SSL_CREDENTIAL_new_raw_public_key(key);
    if (credential == NULL) fail("SSL_CREDENTIAL_new_raw_public_key");
    check(SSL_CTX_add1_credential(context, credential), "SSL_CTX_add1_credential");
    check(SSL_CTX_set1_accepted_peer_cert_types(context, kinds, sizeof(kinds)), "the types of certificates");
    SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_raw_key);
    SSL_CREDENTIAL_free(credential);
    EVP_PKEY_free(key);
    fclose(file);
}

static uint16_t group_of(const char *name)
{
    static const struct { const char *name; uint16_t id; } GROUPS[] = {
        { "P-256", SSL_GROUP_SECP256R1 },
        { "P-384", SSL_GROUP_SECP384R1 },
        { "X25519", SSL_GROUP_X25519 },
        { "X25519MLKEM768", SSL_GROUP_X25519_MLKEM768 },
    };
    for (size_t i = 0; i < sizeof(GROUPS) / sizeof(GROUPS[0]); i++)
        if (strcmp(name, GROUPS[i].name) == 0) return GROUPS[i].id;
    fail(name);
    return 0;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* Waits for a datagram, for a line if `input` is not negative, or for the next timer, which it then serves. */
static int wait_for(SSL *ssl, int input)
{
    struct pollfd all[] = { { .fd = SSL_get_fd(ssl), .events = POLLIN }, { .fd = input, .events = POLLIN } };
    struct timeval remaining;
    int milliseconds = PATIENCE;
    if (DTLSv1_get_timeout(ssl, &remaining)) milliseconds = (int)(remaining.tv_sec * 1000 + remaining.tv_usec / 1000) + 1;
    poll(all, 2, milliseconds);
    if (DTLSv1_handle_timeout(ssl) < 0) fail("DTLSv1_handle_timeout");
    return (all[1].revents & (POLLIN | POLLHUP)) != 0;
}

/* Whether the call has only to be made again later. */
static int is_waiting(SSL *ssl, int result)
{
    return SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

static void shake_hands(SSL *ssl)
{
    for (int result; (result = SSL_do_handshake(ssl)) != 1; wait_for(ssl, -1))
        if (!is_waiting(ssl, result)) fail("SSL_do_handshake");
}

/* BoringSSL sends it with the next record, or with an empty one, which does not leave. */
static void update_keys(SSL *ssl)
{
    check(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), "SSL_key_update");
    if (SSL_write(ssl, "", 0) < 0) fail("SSL_write");
}

static SSL *open_connection(SSL_CTX *context, int descriptor)
{
    SSL *ssl = SSL_new(context);
    if (ssl == NULL || fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0) fail("SSL_new");
    check(SSL_set_fd(ssl, descriptor), "SSL_set_fd");
    return ssl;
}

static SSL *open_client(SSL_CTX *context, int port, int has_names)
{
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = loopback(port);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) fail("connect");
    SSL *ssl = open_connection(context, descriptor);
    SSL_set_connect_state(ssl);
    if (has_names) check(SSL_set1_host(ssl, "localhost"), "SSL_set1_host");
    if (session != NULL) check(SSL_set_session(ssl, session), "SSL_set_session");
    shake_hands(ssl);
    return ssl;
}

static void close_connection(SSL *ssl)
{
    SSL_shutdown(ssl);
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

/* The next line of the standard input, without a buffer that poll() does not see. */
static int read_line(char *line, size_t size)
{
    size_t length = 0;
    while (length < size - 1 && read(STDIN_FILENO, &line[length], 1) == 1)
        if (line[length++] == '\n') break;
    line[length] = '\0';
    return length > 0;
}

static void run_client(SSL_CTX *context, int port, int has_names)
{
    char buffer[2048];
    SSL *ssl = open_client(context, port, has_names);
    printf("connected\n");
    for (;;) {
        int length;
        while ((length = SSL_read(ssl, buffer, sizeof(buffer))) > 0) printf("received %.*s", length, buffer);
        if (!is_waiting(ssl, length)) fail("SSL_read");
        if (!wait_for(ssl, STDIN_FILENO)) continue;
        if (!read_line(buffer, sizeof(buffer))) break;
        if (strcmp(buffer, "again\n") == 0) {
            close_connection(ssl);
            ssl = open_client(context, port, has_names);
            printf("connected again\n");
        } else if (strcmp(buffer, "update\n") == 0) {
            update_keys(ssl);
            printf("updating\n");
        } else if (SSL_write(ssl, buffer, (int)strlen(buffer)) <= 0) {
            fail("SSL_write");
        }
    }
    close_connection(ssl);
}

/* Waits for the first hello of a client's; what is left of an earlier connection is dropped. */
static struct sockaddr_in next_client(int descriptor)
{
    uint8_t buffer[2048];
    struct sockaddr_in peer;
    for (;;) {
        socklen_t peer_length = sizeof(peer);
        ssize_t length =
            recvfrom(descriptor, buffer, sizeof(buffer), MSG_PEEK, (struct sockaddr *)&peer, &peer_length);
        if (length > KIND_AT && buffer[0] == HANDSHAKE && buffer[KIND_AT] == CLIENT_HELLO) return peer;
        recv(descriptor, buffer, sizeof(buffer), 0);
    }
}

static void serve_client(SSL_CTX *context, int port)
{
    char buffer[2048];
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0), one = 1, length;
    struct sockaddr_in address = loopback(port);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) fail("bind");
    printf("listening\n");
    struct sockaddr_in peer = next_client(descriptor);
    if (connect(descriptor, (struct sockaddr *)&peer, sizeof(peer)) != 0) fail("connect");
    SSL *ssl = open_connection(context, descriptor);
    SSL_set_accept_state(ssl);
    shake_hands(ssl);
    printf("connected\n");
    for (int count = 0;;) {
        while ((length = SSL_read(ssl, buffer, sizeof(buffer))) > 0) {
            if (SSL_write(ssl, buffer, length) <= 0) fail("SSL_write");
            if (updates && count++ == 0) update_keys(ssl);
        }
        if (!is_waiting(ssl, length)) break;
        wait_for(ssl, -1);
    }
    close_connection(ssl);
}

int main(int count, char **arguments)
{
    if (count < 3) {
        printf("%s\n", VERSION);
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    int is_client = strcmp(arguments[1], "client") == 0, is_newer = 0, has_names = 0;
    SSL_CTX *context = SSL_CTX_new(DTLS_method());
    const char *cert = NULL, *key = NULL;
    for (int i = 3; i < count; i++) {
        char *name = arguments[i], *value = strchr(name, '=');
        if (value == NULL) continue;
        *value++ = '\0';
        if (strcmp(name, "identity") == 0) identity = value;
        if (strcmp(name, "psk") == 0) psk_length = bytes_of(value, psk, sizeof(psk));
        if (strcmp(name, "peerKey") == 0) peer_key_length = bytes_of(value, peer_key, sizeof(peer_key));
        if (strcmp(name, "version") == 0) is_newer = strcmp(value, "DTLSv1.3") == 0;
        if (strcmp(name, "cert") == 0) cert = value;
        if (strcmp(name, "key") == 0) key = value;
        if (strcmp(name, "updates") == 0) updates = 1;
        if (strcmp(name, "resume") == 0 && strcmp(value, "id") == 0) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        if (strcmp(name, "ca") == 0) {
            check(SSL_CTX_load_verify_locations(context, value, NULL), name);
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
            has_names = 1;
        }
        if (strcmp(name, "group") == 0) {
            uint16_t group = group_of(value);
            check(SSL_CTX_set1_group_ids(context, &group, 1), name);
        }
    }
    uint16_t version = is_newer ? DTLS1_3_VERSION : DTLS1_2_VERSION;
    check(SSL_CTX_set_min_proto_version(context, version), "the version");
    check(SSL_CTX_set_max_proto_version(context, version), "the version");
    if (peer_key_length > 0) {
        use_raw_keys(context, key);
    } else if (cert != NULL) {
        check(SSL_CTX_use_certificate_chain_file(context, cert), cert);
        check(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM), key);
    }
    if (psk_length > 0) {
        SSL_CTX_set_psk_client_callback(context, client_psk);
        SSL_CTX_set_psk_server_callback(context, server_psk);
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_BOTH);
    if (is_client) SSL_CTX_sess_set_new_cb(context, keep_session);
    else check(SSL_CTX_set_session_id_context(context, (const uint8_t *)"matrix", 6), "the sessions' context");
    int port = atoi(arguments[2]);
    if (is_client) run_client(context, port, has_names);
    else for (;;) serve_client(context, port);
    return 0;
}
