# A hook for another library's SHA-256 (src/tls/ffi/sha256.rs), which uses the processor's instructions for it. Where
# that library has nothing to offer, Mbed TLS's own code does the work.

edit("SHA-256: declaration" library/sha256.c
"int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx,
                                    const unsigned char data[64])
{
"
"int mbedtls_foreign_sha256_process(uint32_t state[8], const unsigned char data[64]);

int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx,
                                    const unsigned char data[64])
{
")

edit("SHA-256: one block" library/sha256.c
"    SHA256_VALIDATE_RET((const unsigned char *) data != NULL);

    for (i = 0; i < 8; i++) {
        local.A[i] = ctx->state[i];"
"    SHA256_VALIDATE_RET((const unsigned char *) data != NULL);

    if (mbedtls_foreign_sha256_process(ctx->state, data)) {
        return 0;
    }

    for (i = 0; i < 8; i++) {
        local.A[i] = ctx->state[i];")
