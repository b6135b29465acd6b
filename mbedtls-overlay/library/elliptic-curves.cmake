# Hooks for another library's elliptic curves (src/tls/mbed/ffi/elliptic.rs), with Mbed TLS's own code kept beside them under
# other names, for the groups and the builds that the other library does not serve.
#
# The hooks are Mbed TLS's own *_ALT macros, which would leave its own code out: so that code is renamed and kept.

edit("elliptic curves: keep derive_mpi" library/ecdsa.c
     "#if defined(MBEDTLS_ECDSA_DETERMINISTIC) || \\\n    !defined(MBEDTLS_ECDSA_SIGN_ALT)"
     "#if 1 || \\\n    !defined(MBEDTLS_ECDSA_SIGN_ALT)")

# Keeps a function that a macro of ours would leave out, under the name mbedtls_stock_*.
function(keep_stock directory header macro name first_line)
  edit("elliptic curves: keep ${name}" library/${directory}.c "#if !defined(${macro})\n" "#if 1\n")
  string(REPLACE "mbedtls_${name}" "mbedtls_stock_${name}" renamed "${first_line}")
  edit("elliptic curves: rename ${name}" library/${directory}.c "\n${first_line}" "\n${renamed}")
  file(READ "${patched}/include/mbedtls/${header}" text)
  string(FIND "${text}" "\n${first_line}" begin)
  string(SUBSTRING "${text}" ${begin} -1 rest)
  string(FIND "${rest}" ";" length)
  math(EXPR length "${length} + 1")
  string(SUBSTRING "${rest}" 0 ${length} prototype)
  string(REPLACE "mbedtls_${name}" "mbedtls_stock_${name}" stock "${prototype}")
  edit("elliptic curves: declare ${name}" include/mbedtls/${header} "${prototype}" "${prototype}${stock}")
endfunction()

keep_stock(ecdsa ecdsa.h MBEDTLS_ECDSA_SIGN_ALT ecdsa_sign "int mbedtls_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s,")
keep_stock(ecdsa ecdsa.h MBEDTLS_ECDSA_VERIFY_ALT ecdsa_verify "int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp,")
keep_stock(ecdh ecdh.h MBEDTLS_ECDH_GEN_PUBLIC_ALT ecdh_gen_public "int mbedtls_ecdh_gen_public(mbedtls_ecp_group *grp, mbedtls_mpi *d, mbedtls_ecp_point *Q,")
keep_stock(ecdh ecdh.h MBEDTLS_ECDH_COMPUTE_SHARED_ALT ecdh_compute_shared "int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *grp, mbedtls_mpi *z,")
