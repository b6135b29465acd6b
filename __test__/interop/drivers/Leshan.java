// An LwM2M device or server of Eclipse Leshan, over its own DTLS (Scandium), as ../leshan.test.js wants one:
//
//   Leshan device PORT identity=NAME psk=HEX     registers, and changes its resource 3/0/13 five times a second
//   Leshan server PORT identity=NAME psk=HEX     reads 3/0/0 of whoever registers, and observes 3/0/9
//
// It prints what happens, a line each, and a device deregisters at a line of its standard input, or at the end of it.

import java.io.File;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.jar.JarFile;
import org.eclipse.californium.elements.util.StringUtil;
import org.eclipse.leshan.client.californium.LeshanClient;
import org.eclipse.leshan.client.californium.LeshanClientBuilder;
import org.eclipse.leshan.client.object.Device;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.core.LwM2mId;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.server.californium.LeshanServer;
import org.eclipse.leshan.server.californium.LeshanServerBuilder;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;

public class Leshan {
    static final int SERVER_ID = 1;
    static final int LIFETIME = 300;

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            System.out.println(version());
            return;
        }
        Map<String, String> values = new HashMap<>();
        for (int i = 2; i < arguments.length; i++) {
            String[] parts = arguments[i].split("=", 2);
            values.put(parts[0], parts[1]);
        }
        int port = Integer.parseInt(arguments[1]);
        byte[] key = StringUtil.hex2ByteArray(values.get("psk"));
        if (arguments[0].equals("device")) runDevice(port, values.get("identity"), key);
        else runServer(port, values.get("identity"), key);
    }

    static String version() throws Exception {
        URI library = LeshanClient.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        try (JarFile jar = new JarFile(new File(library))) {
            return jar.getManifest().getMainAttributes().getValue("Bundle-Version");
        }
    }

    static void runDevice(int port, String identity, byte[] key) throws Exception {
        Device device = new Device("Eclipse Leshan", "interop", "0", "U");
        byte[] name = identity.getBytes(StandardCharsets.UTF_8);
        ObjectsInitializer objects = new ObjectsInitializer();
        objects.setInstancesForObject(LwM2mId.SECURITY, Security.psk("coaps://127.0.0.1:" + port, SERVER_ID, name, key));
        objects.setInstancesForObject(LwM2mId.SERVER, new Server(SERVER_ID, LIFETIME, BindingMode.U, false));
        objects.setInstancesForObject(LwM2mId.DEVICE, device);
        LeshanClientBuilder builder = new LeshanClientBuilder(identity);
        builder.setLocalAddress("127.0.0.1", 0);
        builder.setObjects(objects.createAll());
        LeshanClient client = builder.build();
        client.start();
        System.out.println("started");
        Thread clock = new Thread(() -> {
            while (true) {
                try {
                    Thread.sleep(200);
                } catch (InterruptedException interruption) {
                    return;
                }
                device.fireResourcesChange(13);
            }
        });
        clock.setDaemon(true);
        clock.start();
        System.in.read();
        client.destroy(true);
        System.exit(0);
    }

    static void runServer(int port, String identity, byte[] key) throws Exception {
        InMemorySecurityStore store = new InMemorySecurityStore();
        store.add(SecurityInfo.newPreSharedKeyInfo(identity, identity, key));
        LeshanServerBuilder builder = new LeshanServerBuilder();
        builder.disableUnsecuredEndpoint();
        builder.setLocalSecureAddress("127.0.0.1", port);
        builder.setSecurityStore(store);
        LeshanServer server = builder.build();
        server.getRegistrationService().addListener(new Registrations(server));
        server.getObservationService().addListener(new Notifications());
        server.start();
        System.out.println("listening");
        Thread.currentThread().join();
    }

    static class Registrations implements RegistrationListener {
        final LeshanServer server;

        Registrations(LeshanServer server) { this.server = server; }

        public void registered(Registration registration, Registration previous, Collection<Observation> observations) {
            System.out.println("registered " + registration.getEndpoint());
            new Thread(() -> ask(registration)).start();
        }

        public void updated(RegistrationUpdate update, Registration updated, Registration previous) {}

        public void unregistered(Registration registration, Collection<Observation> observations, boolean expired,
            Registration next) {
            System.out.println("unregistered " + registration.getEndpoint());
        }

        void ask(Registration registration) {
            try {
                ReadResponse read = server.send(registration, new ReadRequest(ContentFormat.TEXT, 3, 0, 0), 5000);
                System.out.println("read " + ((LwM2mSingleResource) read.getContent()).getValue());
                ObserveResponse observed = server.send(registration, new ObserveRequest(ContentFormat.TEXT, 3, 0, 9), 5000);
                System.out.println("observed " + ((LwM2mSingleResource) observed.getContent()).getValue());
            } catch (Exception error) {
                System.out.println("failed " + error);
            }
        }
    }

    static class Notifications implements ObservationListener {
        public void newObservation(Observation observation, Registration registration) {}
        public void cancelled(Observation observation) {}

        public void onResponse(Observation observation, Registration registration, ObserveResponse response) {
            System.out.println("notified " + ((LwM2mSingleResource) response.getContent()).getValue());
        }

        public void onError(Observation observation, Registration registration, Exception error) {
            System.out.println("failed " + error);
        }
    }
}
