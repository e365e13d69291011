"""A server of Apache Kafka beside ours, and Kafka's own perf tests, from the jars of one release.

MILLRACE_KAFKA_JARS: folders (separated by ':') with kafka_2.13, kafka-tools and all that they need, as `mvn dependency:copy-dependencies`
lays them down; the first one with a broker is taken.
"""
import glob, os, re, socket, subprocess, sys, time

from bench_common import process_cpu_seconds

# The flags that Kafka's own start script passes to a broker.
BROKER_FLAGS = ['-server', '-Xms1G', '-Xmx1G', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35',
                '-XX:+ExplicitGCInvokesConcurrent', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
TOOL_FLAGS = ['-Xmx512M', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']
CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg'

# The first member of a group does not wait for others, and one node is a whole cluster. All other settings are Kafka's
# defaults.
PROPERTIES = '''
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor={nodes}
transaction.state.log.replication.factor={nodes}
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
'''


class Jars:
    def __init__(self):
        for folder in os.environ.get('MILLRACE_KAFKA_JARS', '').split(':'):
            if found := glob.glob(os.path.join(folder, 'kafka_2.13-[0-9]*.jar')):
                self.version = re.search(r'-([\d.]+)\.jar$', found[0])[1]
                self.path = os.path.join(os.path.abspath(folder), '*')
                return
        sys.exit("MILLRACE_KAFKA_JARS names no folder with the jars of Kafka's broker")

    def command(self, flags, name, *arguments):
        return ['java', *flags, '-cp', self.path, name, *map(str, arguments)]

    def tool(self, name, *arguments):
        """The output of one of Kafka's programs."""
        done = subprocess.run(self.command(TOOL_FLAGS, name, *arguments), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f'{name}: {done.stdout}{done.stderr}')
        return done.stdout


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('127.0.0.1', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class ApacheKafka:
    """The interface of bench_common.Server, as far as the benchmarks use it."""

    def __init__(self, jars, folder, nodes=1):
        brokers, controllers = free_ports(nodes), free_ports(nodes)
        voters = ','.join(f'{node}@127.0.0.1:{port}' for node, port in enumerate(controllers, 1))
        self.kafka = ','.join(f'127.0.0.1:{port}' for port in brokers)
        self.processes = []
        for node, (port, controller) in enumerate(zip(brokers, controllers), 1):
            own = os.path.join(folder, str(node))
            os.makedirs(own)
            properties = os.path.join(own, 'server.properties')
            with open(properties, 'w') as file:
                file.write(PROPERTIES.format(node=node, nodes=nodes, voters=voters, broker=port, controller=controller, folder=own))
            jars.tool('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties)
            with open(os.path.join(own, 'log'), 'w') as log:
                self.processes.append(subprocess.Popen(jars.command(BROKER_FLAGS, 'kafka.Kafka', properties), stdout=log, stderr=log))
        for node, (port, process) in enumerate(zip(brokers, self.processes), 1):
            while not self.listens(port):
                if process.poll() is not None:
                    sys.exit(f'Kafka has ended: {open(os.path.join(folder, str(node), "log")).read()}')
                time.sleep(0.1)

    @staticmethod
    def listens(port):
        with socket.socket() as client:
            return client.connect_ex(('127.0.0.1', port)) == 0

    def cpu_seconds(self):
        return sum(process_cpu_seconds(each.pid) for each in self.processes)

    def stop(self):
        for each in self.processes:
            each.terminate()
        for each in self.processes:
            each.wait(timeout=60)


def java_produce(jars, address, topic, records, throughput=-1, *properties):
    """Kafka's ProducerPerformance: MB/s; latencies in ms: p50 and p99 of the whole run, in which the client's JIT
    compilation makes up most of p99; and the mean latency of the last five seconds."""
    said = jars.tool('org.apache.kafka.tools.ProducerPerformance', '--topic', topic, '--num-records', records, '--record-size', 1024,
                     '--throughput', throughput, '--producer-props', f'bootstrap.servers={address}', *properties)
    *before, last = said.strip().splitlines()
    rate, mean, middle, high = re.search(r'\(([\d.]+) MB/sec\), ([\d.]+) ms avg.* (\d+) ms 50th.* (\d+) ms 99th', last).groups()
    if before:
        mean = re.search(r'([\d.]+) ms avg', before[-1])[1]
    return float(rate) * 1.048576, {'p50': int(middle), 'p99': int(high), 'mean in the end': float(mean)}


def java_consume(jars, address, topic, records):
    """MB/s of Kafka's ConsumerPerformance, measured after its partitions are assigned."""
    said = jars.tool('org.apache.kafka.tools.ConsumerPerformance', '--bootstrap-server', address, '--topic', topic,
                     '--messages', records, '--timeout', 60_000)
    names, values = [line.split(', ') for line in said.strip().splitlines()[-2:]]
    return float(values[names.index('fetch.MB.sec')]) * 1.048576
