"""Access rules and users of Kafka: a current librdkafka and kafka-python create them and meet their effects."""
import atexit
import os
import shutil
import tempfile

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, NewTopic,
                                   ResourcePatternType, ResourceType, ScramCredentialInfo, ScramMechanism,
                                   UserScramCredentialDeletion, UserScramCredentialUpsertion)

from millrace_server import case, launch, run

FOLDER = tempfile.mkdtemp(prefix="millrace-check-access-")
SECRET = "geheim-4711"


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


SERVER = launch("--access-file", write("rules", "host all all 127.0.0.1/32 scram-sha-256\n"),
                "--superuser-password-file", write("password", SECRET + "\n"))


@atexit.register
def leave_nothing():
    SERVER.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)


def login(user, password, mechanism="SCRAM-SHA-256", **more):
    return {"bootstrap.servers": SERVER.kafka, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism,
            "sasl.username": user, "sasl.password": password, **more}


ADMIN = AdminClient(login("millrace", SECRET))


def rule(kind, name, user, operation, pattern=ResourcePatternType.LITERAL, permission=AclPermissionType.ALLOW, host="*"):
    return AclBinding(kind, name, pattern, f"User:{user}", host, operation, permission)


def any_rule(kind=ResourceType.ANY, name=None, user=None):
    return AclBindingFilter(kind, name, ResourcePatternType.ANY, user and f"User:{user}", None, AclOperation.ANY,
                            AclPermissionType.ANY)


def failure(future):
    try:
        future.result(15)
    except KafkaException as error:
        return error.args[0].code()
    return None


@case
def users_are_made_with_salted_passwords():
    for number, mechanism in enumerate((ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)):
        change = UserScramCredentialUpsertion("ann", ScramCredentialInfo(mechanism, 8192 + number), b"pw-ann")
        ADMIN.alter_user_scram_credentials([change])["ann"].result(15)
    told = ADMIN.describe_user_scram_credentials(["ann"])["ann"].result(15)
    assert sorted(each.iterations for each in told.scram_credential_infos) == [8192, 8193]
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
        assert AdminClient(login("ann", "pw-ann", mechanism)).list_topics(timeout=15).topics == {}
    gone = UserScramCredentialDeletion("ann", ScramMechanism.SCRAM_SHA_512)
    ADMIN.alter_user_scram_credentials([gone])["ann"].result(15)
    assert failure(ADMIN.alter_user_scram_credentials([gone])["ann"]) == KafkaError.RESOURCE_NOT_FOUND


@case
def rules_are_made_listed_and_deleted():
    ADMIN.create_topics([NewTopic("orders", 1, 1), NewTopic("secrets", 1, 1)])["orders"].result(15)
    wanted = [rule(ResourceType.TOPIC, "orders", "ann", AclOperation.READ), rule(ResourceType.TOPIC, "orders", "ann", AclOperation.WRITE),
              rule(ResourceType.GROUP, "billing", "ann", AclOperation.READ)]
    for future in ADMIN.create_acls(wanted).values():
        future.result(15)
    listed = ADMIN.describe_acls(any_rule(user="ann")).result(15)
    assert set(listed) == set(wanted), listed
    refused = [rule(ResourceType.TOPIC, "or", "ann", AclOperation.READ, pattern=ResourcePatternType.PREFIXED),
               rule(ResourceType.TOPIC, "orders", "ann", AclOperation.READ, permission=AclPermissionType.DENY),
               rule(ResourceType.TOPIC, "orders", "ann", AclOperation.READ, host="10.0.0.1"),
               rule(ResourceType.TOPIC, "orders", "ann", AclOperation.ALTER),
               rule(ResourceType.TOPIC, "orders", "nobody", AclOperation.READ)]
    for future in ADMIN.create_acls(refused).values():
        assert failure(future) == KafkaError.INVALID_REQUEST
    deleted = ADMIN.delete_acls([any_rule(ResourceType.TOPIC, "orders")])
    matched = [each for future in deleted.values() for each in future.result(15) if each.principal == "User:ann"]
    assert len(matched) == 2, matched
    for future in ADMIN.create_acls(wanted).values():
        future.result(15)


@case
def only_a_user_with_rights_produces_and_consumes():
    errors = []
    producer = Producer(login("ann", "pw-ann"))
    for topic in ("orders", "secrets"):
        producer.produce(topic, b"x", on_delivery=lambda error, message: errors.append((message.topic(), error and error.code())))
    producer.flush(20)
    assert sorted(errors, key=str) == [("orders", None), ("secrets", KafkaError.TOPIC_AUTHORIZATION_FAILED)], errors
    assert set(AdminClient(login("ann", "pw-ann")).list_topics(timeout=15).topics) == {"orders"}
    consumer = Consumer(login("ann", "pw-ann", **{"group.id": "billing", "auto.offset.reset": "earliest"}))
    consumer.subscribe(["orders"])
    message = next(each for each in iter(lambda: consumer.poll(5), None))
    assert not message.error() and message.value() == b"x", message.error()
    consumer.commit(message, asynchronous=False)
    consumer.close()
    other = Consumer(login("ann", "pw-ann", **{"group.id": "others"}))
    other.subscribe(["orders"])
    message = other.poll(15)
    assert message and message.error().code() == KafkaError.GROUP_AUTHORIZATION_FAILED, message and message.error()
    other.close()
    reader = Consumer(login("ann", "pw-ann", **{"group.id": "billing"}))
    reader.subscribe(["secrets"])
    message = reader.poll(15)
    assert message and message.error().code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, message and message.error()
    reader.close()


@case
def administration_needs_rights():
    ann = AdminClient(login("ann", "pw-ann"))
    assert failure(ann.create_topics([NewTopic("more", 1, 1)])["more"]) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert failure(ann.delete_topics(["orders"])["orders"]) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    # librdkafka 2.16 turns CLUSTER_AUTHORIZATION_FAILED into an empty list; Java's client reports the error.
    assert ann.describe_acls(any_rule()).result(15) == []
    assert failure(next(iter(ann.create_acls([rule(ResourceType.TOPIC, "secrets", "ann", AclOperation.READ)]).values()))) \
        == KafkaError.CLUSTER_AUTHORIZATION_FAILED
    transactional = Producer(login("ann", "pw-ann", **{"transactional.id": "payer"}))
    try:
        transactional.init_transactions(15)
        raise AssertionError("was let through")
    except KafkaException as error:
        assert error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, error


if __name__ == "__main__":
    run()
