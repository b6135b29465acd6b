// A DTLS 1.2 client or server of BouncyCastle, as the matrix wants one: see ../matrix/drivers.js.

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Vector;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.tls.*;
import org.bouncycastle.tls.crypto.TlsCertificate;
import org.bouncycastle.tls.crypto.TlsCryptoParameters;
import org.bouncycastle.tls.crypto.impl.bc.BcDefaultTlsCredentialedSigner;
import org.bouncycastle.tls.crypto.impl.bc.BcTlsCertificate;
import org.bouncycastle.tls.crypto.impl.bc.BcTlsCrypto;
import org.bouncycastle.util.encoders.Hex;

public class Peer {
    static final BcTlsCrypto CRYPTO = new BcTlsCrypto(new SecureRandom());
    static final int MTU = 1500;
    static final int PATIENCE = 100_000;
    static final Map<String, String> values = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            String version = new org.bouncycastle.jce.provider.BouncyCastleProvider().getVersionStr();
            System.out.println(version);
            return;
        }
        for (String argument : Arrays.asList(arguments).subList(2, arguments.length)) {
            String[] parts = argument.split("=", 2);
            values.put(parts[0], parts[1]);
        }
        int port = Integer.parseInt(arguments[1]);
        if (arguments[0].equals("client")) runClient(port);
        else runServer(port);
        System.exit(0);
    }

    static void runClient(int port) throws Exception {
        DTLSTransport transport = connect(port, null);
        System.out.println("connected");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        byte[] buffer = new byte[2048];
        for (String line; (line = lines.readLine()) != null; ) {
            if (line.equals("again")) {
                transport.close();
                transport = connect(port, session);
                System.out.println("connected again");
                continue;
            }
            byte[] data = (line + "\n").getBytes(StandardCharsets.UTF_8);
            transport.send(data, 0, data.length);
            int length = transport.receive(buffer, 0, buffer.length, 20_000);
            System.out.print("received " + new String(buffer, 0, Math.max(length, 0), StandardCharsets.UTF_8));
            System.out.flush();
        }
    }

    static TlsSession session;

    static DTLSTransport connect(int port, TlsSession resumed) throws IOException {
        DatagramSocket socket = new DatagramSocket();
        socket.connect(InetAddress.getByName("127.0.0.1"), port);
        TlsClient client = values.containsKey("psk") ? new PskClient(resumed) : new CertificateClient(resumed);
        return new DTLSClientProtocol().connect(client, new UDPTransport(socket, MTU));
    }

    static void runServer(int port) throws Exception {
        DatagramSocket socket = new DatagramSocket(port, InetAddress.getByName("127.0.0.1"));
        System.out.println("listening");
        DTLSVerifier verifier = new DTLSVerifier(CRYPTO);
        byte[] buffer = new byte[2048];
        DTLSRequest request = null;
        while (request == null) {
            DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
            socket.receive(packet);
            byte[] address = (packet.getAddress() + ":" + packet.getPort()).getBytes(StandardCharsets.UTF_8);
            DatagramSender sender = new DatagramSender() {
                public int getSendLimit() { return MTU; }
                public void send(byte[] data, int offset, int length) throws IOException {
                    socket.send(new DatagramPacket(data, offset, length, packet.getSocketAddress()));
                }
            };
            request = verifier.verifyRequest(address, buffer, 0, packet.getLength(), sender);
            if (request != null) socket.connect(packet.getSocketAddress());
        }
        TlsServer server = values.containsKey("psk") ? new PskServer() : new CertificateServer();
        DTLSTransport transport = new DTLSServerProtocol().accept(server, new UDPTransport(socket, MTU), request);
        System.out.println("connected");
        for (;;) {
            int length = transport.receive(buffer, 0, buffer.length, PATIENCE);
            if (length < 0) return;
            transport.send(buffer, 0, length);
        }
    }

    // ---- The four ends

    static class PskClient extends PSKTlsClient {
        final TlsSession resumed;

        PskClient(TlsSession resumed) {
            super(CRYPTO, new BasicTlsPSKIdentity(values.get("identity"), Hex.decode(values.get("psk"))));
            this.resumed = resumed;
        }

        public ProtocolVersion[] getProtocolVersions() { return ProtocolVersion.DTLSv12.only(); }
        protected int[] getSupportedCipherSuites() { return new int[] {suite()}; }
        public int getHandshakeTimeoutMillis() { return PATIENCE; }
        public TlsSession getSessionToResume() { return resumed; }
        public void notifyHandshakeComplete() throws IOException { keep(context); }
    }

    static class CertificateClient extends DefaultTlsClient {
        final TlsSession resumed;

        CertificateClient(TlsSession resumed) {
            super(CRYPTO);
            this.resumed = resumed;
        }

        public ProtocolVersion[] getProtocolVersions() { return ProtocolVersion.DTLSv12.only(); }
        protected int[] getSupportedCipherSuites() { return new int[] {suite()}; }
        public int getHandshakeTimeoutMillis() { return PATIENCE; }
        public TlsSession getSessionToResume() { return resumed; }
        public void notifyHandshakeComplete() throws IOException { keep(context); }

        public TlsAuthentication getAuthentication() {
            return new TlsAuthentication() {
                public void notifyServerCertificate(TlsServerCertificate shown) throws IOException {
                    verify(shown.getCertificate());
                }
                public TlsCredentials getClientCredentials(CertificateRequest request) throws IOException {
                    if (!values.containsKey("cert")) return null;
                    return credentials(context, request.getSupportedSignatureAlgorithms());
                }
            };
        }
    }

    static class PskServer extends PSKTlsServer {
        PskServer() {
            super(CRYPTO, new TlsPSKIdentityManager() {
                public byte[] getHint() { return null; }
                public byte[] getPSK(byte[] identity) {
                    boolean known = values.get("identity").equals(new String(identity, StandardCharsets.UTF_8));
                    return known ? Hex.decode(values.get("psk")) : null;
                }
            });
        }

        public ProtocolVersion[] getProtocolVersions() { return ProtocolVersion.DTLSv12.only(); }
        protected int[] getSupportedCipherSuites() { return new int[] {suite()}; }
        public int getHandshakeTimeoutMillis() { return PATIENCE; }
    }

    static class CertificateServer extends DefaultTlsServer {
        CertificateServer() { super(CRYPTO); }

        public ProtocolVersion[] getProtocolVersions() { return ProtocolVersion.DTLSv12.only(); }
        protected int[] getSupportedCipherSuites() { return new int[] {suite()}; }
        public int getHandshakeTimeoutMillis() { return PATIENCE; }

        protected TlsCredentialedSigner getECDSASignerCredentials() throws IOException {
            return credentials(context, context.getSecurityParametersHandshake().getClientSigAlgs());
        }

        protected TlsCredentialedSigner getRSASignerCredentials() throws IOException {
            return credentials(context, context.getSecurityParametersHandshake().getClientSigAlgs());
        }

        public CertificateRequest getCertificateRequest() {
            if (!values.containsKey("ca")) return null;
            short[] types = {ClientCertificateType.ecdsa_sign, ClientCertificateType.rsa_sign};
            return new CertificateRequest(types, TlsUtils.getDefaultSupportedSignatureAlgorithms(context), null);
        }

        public void notifyClientCertificate(Certificate shown) throws IOException { verify(shown); }
    }

    // ---- What they need

    static int suite() {
        switch (values.get("suite")) {
            case "PSK-AES128-CCM8": return CipherSuite.TLS_PSK_WITH_AES_128_CCM_8;
            case "PSK-AES128-GCM-SHA256": return CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256;
            case "ECDHE-PSK-AES128-GCM-SHA256": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256;
            case "ECDHE-PSK-AES256-GCM-SHA384": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384;
            case "ECDHE-PSK-AES128-CCM-SHA256": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256;
            case "ECDHE-PSK-AES128-CCM8-SHA256": return CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256;
            case "ECDHE-PSK-CHACHA20-POLY1305": return CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256;
            case "ECDHE-ECDSA-AES128-GCM-SHA256": return CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
            case "ECDHE-ECDSA-AES128-CCM8": return CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8;
            case "ECDHE-RSA-AES128-GCM-SHA256": return CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
            default: throw new IllegalArgumentException(values.get("suite"));
        }
    }

    /** The handshake's session is the context's only after this call: it is fetched when it is wanted. */
    static void keep(TlsContext context) {
        session = context.getSession();
    }

    /** Each certificate is signed by the next, and the last by the authority. */
    static void verify(Certificate shown) throws IOException {
        if (!values.containsKey("ca")) return;
        try {
            List<X509CertificateHolder> chain = new ArrayList<>();
            for (TlsCertificate one : shown.getCertificateList()) chain.add(new X509CertificateHolder(one.getEncoded()));
            chain.addAll(read(values.get("ca"), X509CertificateHolder.class));
            if (shown.isEmpty()) throw new TlsFatalAlert(AlertDescription.bad_certificate);
            org.bouncycastle.cert.jcajce.JcaX509CertificateConverter convert =
                new org.bouncycastle.cert.jcajce.JcaX509CertificateConverter();
            for (int i = 0; i + 1 < chain.size(); i++) {
                convert.getCertificate(chain.get(i)).verify(convert.getCertificate(chain.get(i + 1)).getPublicKey());
            }
        } catch (java.security.GeneralSecurityException error) {
            throw new TlsFatalAlert(AlertDescription.bad_certificate, error);
        }
    }

    static TlsCredentialedSigner credentials(TlsContext context, Vector<?> algorithms) throws IOException {
        List<TlsCertificate> chain = new ArrayList<>();
        for (X509CertificateHolder one : read(values.get("cert"), X509CertificateHolder.class)) {
            chain.add(new BcTlsCertificate(CRYPTO, one.toASN1Structure()));
        }
        AsymmetricKeyParameter key = null;
        for (PrivateKeyInfo info : read(values.get("key"), PrivateKeyInfo.class)) key = PrivateKeyFactory.createKey(info);
        for (PEMKeyPair pair : read(values.get("key"), PEMKeyPair.class)) {
            key = PrivateKeyFactory.createKey(pair.getPrivateKeyInfo());
        }
        short signs = chain.get(0).getLegacySignatureAlgorithm();
        for (Object offered : algorithms) {
            SignatureAndHashAlgorithm algorithm = (SignatureAndHashAlgorithm) offered;
            if (algorithm.getSignature() != signs) continue;
            Certificate shown = new Certificate(chain.toArray(new TlsCertificate[0]));
            return new BcDefaultTlsCredentialedSigner(new TlsCryptoParameters(context), CRYPTO, key, shown, algorithm);
        }
        throw new TlsFatalAlert(AlertDescription.handshake_failure);
    }

    static <T> List<T> read(String file, Class<T> kind) throws IOException {
        List<T> found = new ArrayList<>();
        try (PEMParser parser = new PEMParser(new FileReader(file))) {
            for (Object one; (one = parser.readObject()) != null; ) if (kind.isInstance(one)) found.add(kind.cast(one));
        }
        return found;
    }
}
