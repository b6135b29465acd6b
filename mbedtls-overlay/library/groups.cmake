# ECDHE with a client that does not say which groups it has: the server may choose any (RFC 8422 section 4).

edit("RFC 8422: a client without supported_groups leaves the choice to the server" library/ssl_srv.c
"     * (At the end because we need information from the EC-based extensions
     * and certificate from the SNI callback triggered by the SNI extension.)
     */
    got_common_suite = 0;"
"     * (At the end because we need information from the EC-based extensions
     * and certificate from the SNI callback triggered by the SNI extension.)
     */
    if (ssl->handshake->curves == NULL) {
        const mbedtls_ecp_curve_info **groups = mbedtls_calloc(MBEDTLS_ECP_DP_MAX, sizeof(*groups));
        const mbedtls_ecp_group_id *own = ssl->conf->curve_list;
        size_t count = 0;

        if (groups == NULL) {
            mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                           MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
            return MBEDTLS_ERR_SSL_ALLOC_FAILED;
        }
        /* The list ends with the NULL of its last entry. The handshake frees it. */
        ssl->handshake->curves = groups;
        for (; own != NULL && *own != MBEDTLS_ECP_DP_NONE && count + 1 < MBEDTLS_ECP_DP_MAX; own++) {
            const mbedtls_ecp_curve_info *group = mbedtls_ecp_curve_info_from_grp_id(*own);

            if (group != NULL) {
                groups[count++] = group;
            }
        }
    }
    got_common_suite = 0;")
