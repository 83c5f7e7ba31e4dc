import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** A story told with Apache's own Java client: JavaClient HOST:PORT ROOT. */
public class JavaClient {
    static final LinkedBlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();

    static void expect(boolean ok, String what) {
        System.out.println((ok ? "ok: " : "FAILED: ") + what);
        if (!ok) {
            System.exit(1);
        }
    }

    static void expectEvent(EventType type, String path) throws Exception {
        WatchedEvent event = events.poll(60, TimeUnit.SECONDS);
        expect(event != null && event.getType() == type && event.getPath().equals(path),
               "event " + type + " " + path + ": " + event);
    }

    static ZooKeeper connect(String hosts) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper zk = new ZooKeeper(hosts, 30000, event -> {
            if (event.getState() == KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        expect(connected.await(60, TimeUnit.SECONDS), "connected");
        return zk;
    }

    static void znodes(ZooKeeper zk, String root) throws Exception {
        Stat stat = new Stat();
        zk.create(root, new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create(root + "/a", "one".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat);
        expect(stat.getVersion() == 0 && stat.getDataLength() == 3, "create2 gives a Stat");
        expect(zk.setData(root + "/a", "two".getBytes(), 0).getVersion() == 1, "setData");
        try {
            zk.setData(root + "/a", "x".getBytes(), 0);
            expect(false, "an old version is refused");
        } catch (KeeperException.BadVersionException e) {
            expect(true, "an old version is refused");
        }
        expect(Arrays.equals(zk.getData(root + "/a", false, stat), "two".getBytes()), "getData");
        String name = zk.create(root + "/e-", null, Ids.OPEN_ACL_UNSAFE,
                                CreateMode.EPHEMERAL_SEQUENTIAL);
        expect(name.equals(root + "/e-0000000001"), "sequential: " + name);
        expect(zk.getEphemerals().equals(List.of(name)), "getEphemerals");
        expect(zk.getAllChildrenNumber(root) == 2, "getAllChildrenNumber");
    }

    static void watches(ZooKeeper zk, String root) throws Exception {
        zk.exists(root + "/w", events::add);
        zk.create(root + "/w", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        expectEvent(EventType.NodeCreated, root + "/w");
        zk.addWatch(root + "/w", events::add, AddWatchMode.PERSISTENT_RECURSIVE);
        zk.create(root + "/w/c", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.setData(root + "/w/c", "x".getBytes(), -1);
        zk.delete(root + "/w/c", -1);
        expectEvent(EventType.NodeCreated, root + "/w/c");
        expectEvent(EventType.NodeDataChanged, root + "/w/c");
        expectEvent(EventType.NodeDeleted, root + "/w/c");
    }

    static void multi(ZooKeeper zk, String root) throws Exception {
        List<OpResult> results = zk.multi(List.of(
            Op.create(root + "/m", "m".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.setData(root + "/m", "mm".getBytes(), 0), Op.check(root + "/m", 1)));
        expect(results.size() == 3, "multi");
        try {
            zk.multi(List.of(Op.delete(root + "/m", 1), Op.check(root + "/m", 1)));
            expect(false, "a multi that fails");
        } catch (KeeperException e) {
            expect(e.code() == KeeperException.Code.NONODE && e.getResults().size() == 2,
                   "a multi that fails says where");
        }
        expect(zk.exists(root + "/m", false) != null, "and does nothing");
    }

    static void auth(ZooKeeper zk, String root) throws Exception {
        zk.addAuthInfo("digest", "bob:secret".getBytes());
        zk.create(root + "/acl", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        expect(zk.getACL(root + "/acl", null).get(0).getId().getId().startsWith("bob:"), "getACL");
        expect(zk.whoAmI().stream().anyMatch(i -> i.getUser().equals("bob")), "whoAmI");
    }

    public static void main(String[] args) throws Exception {
        ZooKeeper zk = connect(args[0]);
        znodes(zk, args[1]);
        watches(zk, args[1]);
        multi(zk, args[1]);
        auth(zk, args[1]);
        zk.close();
    }
}
