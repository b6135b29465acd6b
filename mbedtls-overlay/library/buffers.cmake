# Record buffers come from src/tls/mbed/ffi/buffers.rs, which lends them to a context while there is something in them: the
# engine's own way is to keep 33 KB for each connection for as long as it lives.

edit("buffers: declarations" include/mbedtls/ssl_internal.h
"struct mbedtls_ssl_transform {
"
"unsigned char *mbedtls_lent_buffer_new(size_t length);
void mbedtls_lent_buffer_free(unsigned char *buffer);

struct mbedtls_ssl_transform {
")

edit("buffers: for input" library/ssl_tls.c
     "    ssl->in_buf = mbedtls_calloc(1, in_buf_len);" "    ssl->in_buf = mbedtls_lent_buffer_new(in_buf_len);")
edit("buffers: for output" library/ssl_tls.c
     "    ssl->out_buf = mbedtls_calloc(1, out_buf_len);" "    ssl->out_buf = mbedtls_lent_buffer_new(out_buf_len);")
edit("buffers: in vain" library/ssl_tls.c
"    mbedtls_free(ssl->in_buf);
    mbedtls_free(ssl->out_buf);

    ssl->conf = NULL;"
"    mbedtls_lent_buffer_free(ssl->in_buf);
    mbedtls_lent_buffer_free(ssl->out_buf);

    ssl->conf = NULL;")
edit("buffers: after input" library/ssl_tls.c
"        mbedtls_platform_zeroize(ssl->in_buf, in_buf_len);
        mbedtls_free(ssl->in_buf);
        ssl->in_buf = NULL;"
"        mbedtls_platform_zeroize(ssl->in_buf, in_buf_len);
        mbedtls_lent_buffer_free(ssl->in_buf);
        ssl->in_buf = NULL;")
edit("buffers: after output" library/ssl_tls.c
"        mbedtls_platform_zeroize(ssl->out_buf, out_buf_len);
        mbedtls_free(ssl->out_buf);
        ssl->out_buf = NULL;"
"        mbedtls_platform_zeroize(ssl->out_buf, out_buf_len);
        mbedtls_lent_buffer_free(ssl->out_buf);
        ssl->out_buf = NULL;")
