// A DTLS 1.2 client or server of Californium (Scandium), as the matrix wants one: see ../matrix/drivers.js.

import static org.eclipse.californium.scandium.config.DtlsConfig.*;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.SequenceInputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.jar.JarFile;
import org.eclipse.californium.elements.AddressEndpointContext;
import org.eclipse.californium.elements.EndpointContext;
import org.eclipse.californium.elements.MessageCallback;
import org.eclipse.californium.elements.RawData;
import org.eclipse.californium.elements.config.CertificateAuthenticationMode;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.elements.util.SslContextUtil;
import org.eclipse.californium.elements.util.StringUtil;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticNewAdvancedCertificateVerifier;

public class Californium {
    static final Map<String, String> values = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            System.out.println(version());
            return;
        }
        for (String argument : Arrays.asList(arguments).subList(2, arguments.length)) {
            String[] parts = argument.split("=", 2);
            values.put(parts[0], parts[1]);
        }
        InetSocketAddress address = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), Integer.parseInt(arguments[1]));
        if (arguments[0].equals("client")) runClient(address);
        else runServer(address);
    }

    static String version() throws Exception {
        URI library = DTLSConnector.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        try (JarFile jar = new JarFile(new File(library))) {
            return jar.getManifest().getMainAttributes().getValue("Bundle-Version");
        }
    }

    static void runClient(InetSocketAddress server) throws Exception {
        DTLSConnector connector = new DTLSConnector(configuration(DtlsRole.CLIENT_ONLY, null));
        connector.setRawDataReceiver(message -> {
            System.out.print("received " + new String(message.getBytes(), StandardCharsets.UTF_8));
            System.out.flush();
        });
        connector.start();
        // The name is what the certificate is verified against.
        EndpointContext peer = new AddressEndpointContext(server, "localhost", null);
        CompletableFuture<Void> established = new CompletableFuture<>();
        // An empty message begins a handshake, and goes no further.
        connector.send(RawData.outbound(new byte[0], peer, new Established(established), false));
        established.get();
        System.out.println("connected");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            connector.send(RawData.outbound((line + "\n").getBytes(StandardCharsets.UTF_8), peer, null, false));
        }
        connector.destroy();
        System.exit(0);
    }

    static void runServer(InetSocketAddress address) throws Exception {
        DTLSConnector connector = new DTLSConnector(configuration(DtlsRole.SERVER_ONLY, address));
        connector.setRawDataReceiver(message ->
            connector.send(RawData.outbound(message.getBytes(), message.getEndpointContext(), null, false)));
        connector.start();
        System.out.println("listening");
        // The connector's own threads do not keep a program alive.
        Thread.currentThread().join();
    }

    static DtlsConnectorConfig configuration(DtlsRole role, InetSocketAddress address) throws Exception {
        DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(new Configuration())
            .set(DTLS_ROLE, role)
            .set(DTLS_RECOMMENDED_CIPHER_SUITES_ONLY, false)
            .setAsList(DTLS_CIPHER_SUITES, suite());
        if (address != null) builder.setAddress(address);
        if (values.containsKey("id")) builder.set(DTLS_CONNECTION_ID_LENGTH, Integer.valueOf(values.get("id")));
        if (values.containsKey("psk")) {
            byte[] key = StringUtil.hex2ByteArray(values.get("psk"));
            builder.setAdvancedPskStore(new AdvancedSinglePskStore(values.get("identity"), key));
        }
        if (values.containsKey("cert")) {
            builder.setCertificateIdentityProvider(certificate());
        }
        if (values.containsKey("ca")) {
            builder.setAdvancedCertificateVerifier(StaticNewAdvancedCertificateVerifier.builder()
                .setTrustedCertificates(SslContextUtil.loadTrustedCertificates(values.get("ca"), null, null)).build());
        } else if (role == DtlsRole.SERVER_ONLY) {
            builder.set(DTLS_CLIENT_AUTHENTICATION_MODE, CertificateAuthenticationMode.NONE);
        }
        return builder.build();
    }

    static SingleCertificateProvider certificate() throws Exception {
        InputStream key = new FileInputStream(values.get("key"));
        try (InputStream both = new SequenceInputStream(key, new FileInputStream(values.get("cert")))) {
            SslContextUtil.Credentials own = SslContextUtil.loadPemCredentials(both);
            X509Certificate[] chain = own.getCertificateChain();
            return new SingleCertificateProvider(own.getPrivateKey(), chain, CertificateType.X_509);
        }
    }

    static CipherSuite suite() {
        switch (values.get("suite")) {
            case "PSK-AES128-CCM8": return CipherSuite.TLS_PSK_WITH_AES_128_CCM_8;
            case "PSK-AES128-GCM-SHA256": return CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256;
            case "ECDHE-PSK-AES128-GCM-SHA256": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256;
            // Its name for 0xD002.
            case "ECDHE-PSK-AES256-GCM-SHA384": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA378;
            case "ECDHE-PSK-AES128-CCM-SHA256": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256;
            case "ECDHE-PSK-AES128-CCM8-SHA256": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256;
            case "ECDHE-PSK-AES128-CBC-SHA256": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256;
            case "ECDHE-ECDSA-AES128-GCM-SHA256": return CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
            case "ECDHE-ECDSA-AES128-CCM8": return CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8;
            default: throw new IllegalArgumentException(values.get("suite"));
        }
    }

    /** Tells when a handshake has ended, and how. */
    static class Established implements MessageCallback {
        final CompletableFuture<Void> done;

        Established(CompletableFuture<Void> done) { this.done = done; }

        public void onConnecting() {}
        public void onDtlsRetransmission(int flight) {}
        public void onSent() {}
        public void onContextEstablished(EndpointContext context) { done.complete(null); }
        public void onError(Throwable error) { done.completeExceptionally(error); }
    }
}
