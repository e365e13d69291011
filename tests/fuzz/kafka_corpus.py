#!/usr/bin/python3
"""Requests of Kafka's protocol for the corpora of kafka_messages and kafka_session, as server/kafka/schemas/ describes them.

    tests/fuzz/kafka_corpus.py            writes what is missing: each request in each version, an array of one in each array
    tests/fuzz/kafka_corpus.py --check    prints the requests of server/kafka/apis.cc that a corpus does not have; fails if one is missing

A session makes a topic, then sends one request in all versions, as any client with all rights, as a user with few, or as a user with all.
Other files of a corpus stay as they are.
"""
import glob, json, os, re, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))
KAFKA = os.path.join(HERE, '../../server/kafka')
CREATE_TOPICS, DELETE_TOPICS = 19, 20
NUMBERS = {'int8': '>b', 'bool': '>b', 'int16': '>h', 'error': '>h', 'int32': '>i', 'int64': '>q', 'float64': '>d'}
# Values that a server can act on; all other numbers are 0, and all other texts "t", the name of the topic.
NUMBER_OF = {'NumPartitions': 2, 'ReplicationFactor': 1, 'TimeoutMs': 1000, 'SessionTimeoutMs': 10_000, 'RebalanceTimeoutMs': 10_000,
             'ReplicaId': -1, 'MaxBytes': 1 << 20, 'PartitionMaxBytes': 1 << 20, 'Acks': -1, 'TransactionTimeoutMs': 10_000,
             'ResourceType': 2, 'ResourceTypeFilter': 1, 'ResourcePatternType': 3, 'PatternTypeFilter': 1, 'Operation': 3, 'PermissionType': 3,
             'Iterations': 4096, 'Mechanism': 1, 'Timestamp': -1, 'CurrentLeaderEpoch': -1, 'LeaderEpoch': -1, 'Count': 3,
             'ResponsePartitionLimit': 10, 'UpgradeType': 1, 'MaxVersionLevel': 1, 'DurationFilter': -1, 'CommittedLeaderEpoch': -1}
TEXT_OF = {'GroupId': 'g', 'GroupsNames': 'g', 'TransactionalId': 'x', 'MemberId': '', 'ProtocolType': 'consumer', 'Principal': 'User:few',
           'PrincipalFilter': 'User:few', 'Host': '*', 'HostFilter': '*', 'EntityType': 'user', 'EntityName': 'few', 'Mechanism': 'PLAIN',
           'Path': '/data', 'Feature': 'transaction.version', 'ConfigName': 'retention.ms', 'ConfigValue': '1000', 'ServerAssignor': 'uniform',
           'SubscribedTopicRegex': 't.*', 'TransactionalIdPattern': 'x.*'}


def is_in(versions, version, otherwise):
    if versions is None:
        return otherwise
    if versions == 'none':
        return False
    first, _, last = versions.partition('-')
    return int(first.rstrip('+')) <= version <= (int(last) if last else int(first) if not first.endswith('+') else 1 << 15)


def varint(number):
    out = b''
    while number >= 0x80:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


class Message:
    def __init__(self, path):
        schema = json.load(open(path))
        self.key, self.name, self.fields, self.flexible = (schema[word] for word in ('apiKey', 'name', 'fields', 'flexibleVersions'))

    def frame(self, version, client=b'fuzz'):
        flexible = is_in(self.flexible, version, False)
        header = struct.pack('>hhih', self.key, version, 7, len(client)) + client + (b'\0' if flexible else b'')
        return header + self.struct(self.fields, version, flexible)

    def struct(self, fields, version, flexible):
        out = b''
        for field in fields:
            if is_in(field.get('versions'), version, True) and 'tag' not in field:
                out += self.value(field, version, flexible)
        return out + (b'\0' if flexible else b'')

    def size(self, size, flexible, narrow='>i'):
        return varint(size + 1) if flexible else struct.pack(narrow, size)

    def value(self, field, version, flexible):
        kind = field['type']
        if kind.startswith('[]'):
            return self.size(1, flexible) + self.value({**field, 'type': kind[2:], 'nullableVersions': None}, version, flexible)
        if 'fields' in field:
            # A struct that may be null has a byte before it that marks its presence.
            return (b'\1' if field.get('nullableVersions') else b'') + self.struct(field['fields'], version, flexible)
        name = field['name']
        if kind in NUMBERS:
            chosen = NUMBER_OF.get(name, int(field.get('default', 0) or 0))
            return struct.pack(NUMBERS[kind], chosen)
        if kind == 'uuid':
            return bytes(16)
        if kind in ('bytes', 'records'):
            return self.size(0, flexible)
        text = TEXT_OF.get(name, 't').encode()
        return self.size(len(text), flexible, '>h') + text


def requests():
    """(message, its versions) of each request that the server answers."""
    rows = re.findall(r'api<handle_(\w+)>\((\d+), (\d+)\)', open(os.path.join(KAFKA, 'apis.cc')).read())
    return [(Message(os.path.join(KAFKA, f'schemas/{name}_request.json')), name, range(int(first), int(last) + 1)) for name, first, last in rows]


def sized(frame):
    return struct.pack('>i', len(frame)) + frame


def known(corpus):
    """(key, version) of all requests in a corpus."""
    found = set()
    for path in glob.glob(os.path.join(HERE, 'corpus', corpus, '*')):
        data = open(path, 'rb').read()
        if corpus == 'kafka_messages':
            data = sized(data)
        while len(data) >= 8:
            size, key, version = struct.unpack('>ihh', data[:8])
            found.add((key, version))
            data = data[4 + max(size, 4):]
    return found


def main():
    all_requests = requests()
    missing = 0
    made_topic = next(message for message, _, _ in all_requests if message.key == CREATE_TOPICS)
    for corpus in ('kafka_messages', 'kafka_session'):
        has = known(corpus)
        for message, name, versions in all_requests:
            lacks = [version for version in versions if (message.key, version) not in has]
            if not lacks:
                continue
            if '--check' in sys.argv:
                print(f'corpus/{corpus} has no {message.name} of version {", ".join(map(str, lacks))}: tests/fuzz/kafka_corpus.py makes them')
                missing += 1
            elif corpus == 'kafka_messages':
                for version in lacks:
                    open(os.path.join(HERE, 'corpus', corpus, f'{name}_{version}'), 'wb').write(message.frame(version))
            else:
                asked = sized(made_topic.frame(4)) + b''.join(sized(message.frame(version)) for version in versions)
                # kafka_session.cc chooses the user by the size of the input modulo 8: 0 to 3 anonymous, 4 and 5 few
                # rights, 6 and 7 all rights. So the name of the client is made longer until the size selects the wanted
                # user.
                for who, rest in (('anybody', 0), ('few_rights', 4), ('all_rights', 6)):
                    client = b'fuzz' * 6
                    padded = lambda: asked + sized(message.frame(versions[-1], client))
                    while len(padded()) % 8 != rest:
                        client += b'z'
                    open(os.path.join(HERE, 'corpus', corpus, f'{name}_{who}'), 'wb').write(padded())
    sys.exit(1 if missing else 0)


main()
