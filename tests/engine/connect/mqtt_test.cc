// Checks the packets of MQTT against the bytes of the standards, and the properties of connectors of class "mqtt".
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "engine/connect/mqtt/mqtt_packets.h"
#include "engine/connect/mqtt/mqtt_properties.h"

namespace engine {
namespace {

using namespace std::string_literals;

TEST(MqttPackets, connect_has_the_bytes_of_both_versions) {
  EXPECT_EQ(encode_connect({.version = MqttVersion::V311,
                            .client_id = "ab",
                            .is_clean = false,
                            .keeps_session = true,
                            .keep_alive_s = 60,
                            .user = "u",
                            .password = "pw"}),
            "\x10\x15\0\4MQTT\4\xc0\0\x3c\0\2ab\0\1u\0\2pw"s);
  // The session expiry 0xffffffff keeps the session, and Receive Maximum follows.
  EXPECT_EQ(encode_connect({.client_id = "a",
                            .is_clean = false,
                            .keeps_session = true,
                            .keep_alive_s = 1,
                            .receive_maximum = 20}),
            "\x10\x16\0\4MQTT\5\0\0\1\x08\x11\xff\xff\xff\xff\x21\0\x14\0\1a"s);
}

TEST(MqttPackets, a_client_encodes_its_packets) {
  const std::vector<std::string> filters = {"a/+", "b/#"};
  EXPECT_EQ(encode_subscribe(MqttVersion::V311, 10, filters, 1), "\x82\x0e\0\n\0\3a/+\1\0\3b/#\1"s);
  EXPECT_EQ(encode_subscribe(MqttVersion::V5, 10, filters, 0), "\x82\x0f\0\n\0\0\3a/+\0\0\3b/#\0"s);
  EXPECT_EQ(encode_unsubscribe(MqttVersion::V311, 2, filters), "\xa2\x0c\0\2\0\3a/+\0\3b/#"s);
  EXPECT_EQ(encode_puback(0x1234), "\x40\2\x12\x34"s);
  EXPECT_EQ(encode_pingreq(), "\xc0\0"s);
  EXPECT_EQ(encode_disconnect(), "\xe0\0"s);
  MqttMessage message{
      .topic = "a/b", .payload = "hi", .packet_id = 10, .qos = 1, .is_retained = true};
  EXPECT_EQ(encode_publish(MqttVersion::V311, message), "\x33\x09\0\3a/b\0\nhi"s);
  message.qos = 0;
  message.user_properties = {{"k", "v"}};
  EXPECT_EQ(encode_publish(MqttVersion::V5, message), "\x31\x0f\0\3a/b\7\x26\0\1k\0\1vhi"s);
  // 128 bytes need a length of two bytes.
  message = {.topic = "t", .payload = std::string(125, 'x')};
  EXPECT_EQ(encode_publish(MqttVersion::V311, message).substr(0, 3), "\x30\x80\1"s);
}

TEST(MqttPackets, packets_arrive_in_any_pieces) {
  const MqttMessage message{.topic = "plant/1/temp",
                            .payload = std::string(300, 'x'),
                            .packet_id = 7,
                            .qos = 1,
                            .is_duplicate = true,
                            .user_properties = {{"unit", "C"}}};
  const std::string bytes = "\x20\x09\1\0\6\x21\0\x05\x13\0\x1e"s +
                            encode_publish(MqttVersion::V5, message) + "\x90\5\0\1\0\1\x87"s +
                            "\x40\4\0\7\x10\0"s + "\xd0\0"s + "\xe0\2\x8e\0"s;
  for (size_t piece = 1; piece < 40; ++piece) {
    MqttPacketReader reader;
    std::vector<MqttPacket> packets;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      reader.add(std::string_view(bytes).substr(at, piece));
      for (auto next = reader.next(); next && *next; next = reader.next())
        packets.push_back(std::move(**next));
    }
    ASSERT_EQ(packets.size(), 6u) << piece;
    const auto& connack = std::get<MqttConnack>(packets[0]);
    EXPECT_TRUE(connack.has_session);
    EXPECT_EQ(connack.receive_maximum, 5);
    EXPECT_EQ(connack.keep_alive_s, 30);
    const auto& arrived = std::get<MqttMessage>(packets[1]);
    EXPECT_EQ(arrived.topic, message.topic);
    EXPECT_EQ(arrived.payload, message.payload);
    EXPECT_EQ(arrived.packet_id, 7);
    EXPECT_TRUE(arrived.is_duplicate);
    EXPECT_EQ(arrived.user_properties, message.user_properties);
    EXPECT_EQ(std::get<MqttSuback>(packets[2]).codes, (std::vector<uint8_t>{1, 0x87}));
    EXPECT_EQ(std::get<MqttPuback>(packets[3]).reason.code, 0x10);
    EXPECT_EQ(std::get<MqttDisconnect>(packets[5]).reason.code, 0x8e);
  }
}

TEST(MqttPackets, a_broker_of_version_3_1_1_is_understood) {
  MqttPacketReader reader;
  reader.use(MqttVersion::V311);
  reader.add("\x20\2\0\5\x90\3\0\1\x80\x40\2\0\7\x30\6\0\3a/bx"s);
  EXPECT_EQ(std::get<MqttConnack>(**reader.next()).reason.code, 5);
  EXPECT_EQ(std::get<MqttSuback>(**reader.next()).codes, std::vector<uint8_t>{0x80});
  EXPECT_EQ(std::get<MqttPuback>(**reader.next()).packet_id, 7);
  EXPECT_EQ(std::get<MqttMessage>(**reader.next()).payload, "x");
  // A broker without MQTT 5 answers CONNECT of MQTT 5 in the older form.
  MqttPacketReader newer;
  newer.add("\x20\2\0\1"s);
  EXPECT_EQ(std::get<MqttConnack>(**newer.next()).reason.code, 1);
}

TEST(MqttPackets, hostile_bytes_are_refused) {
  const std::vector<std::string> hostile = {
      "\x30\xff\xff\xff\xff\xff"s,  // a length of five bytes
      "\x34\5\0\1a\0\1"s,           // QoS 2
      "\x32\5\0\1a\0\0"s,           // the packet number 0
      "\x30\2\0\5"s,                // the topic is cut off
      "\x30\3\0\0\0"s,              // no topic
      "\x30\5\0\1a\5\x26"s,         // the properties are cut off
      "\x30\6\0\1a\2\x7f\1"s,       // an unknown property
      "\x10\0"s,
      "\0\0"s,
      "\xf0\0"s,  // packets of clients, and reserved types
      "\x40\1\0"s,
      "\x90\1\0"s,
      "\x20\1\0"s  // too short
  };
  for (const std::string& bytes : hostile) {
    MqttPacketReader reader;
    reader.add(bytes);
    const auto read = reader.next();
    ASSERT_FALSE(read) << testing::PrintToString(bytes);
    EXPECT_EQ(read.error().code, ErrorCode::ProtocolViolation);
  }
  MqttPacketReader reader;
  reader.add("\x30\x81\x80\x80\x08"s);  // 16 MiB and 1 byte
  EXPECT_EQ(reader.next().error().code, ErrorCode::RecordTooLarge);
}

TEST(MqttPackets, reasons_are_named_and_texts_of_brokers_are_made_printable) {
  EXPECT_EQ(mqtt_reason_text({5}, true), "not authorized (0x05)");
  EXPECT_EQ(mqtt_reason_text({0x87, "no\n\x1b[1m"}, false), "not authorized (0x87): no  [1m");
  EXPECT_EQ(mqtt_reason_text({0xee}, false), "unknown reason (0xee)");
}

TEST(MqttTopics, wildcards_stand_for_whole_levels) {
  for (const char* const filter : {"a", "+", "#", "a/+/b", "+/#", "/", "a//b", "$share/g/a/#"})
    EXPECT_FALSE(problem_of_mqtt_filter(filter)) << filter;
  for (const char* const filter : {"", "a+", "a/b#", "#/a", "a/+b/c", "\xff"})
    EXPECT_TRUE(problem_of_mqtt_filter(filter)) << filter;
  EXPECT_FALSE(problem_of_mqtt_topic("plant/1"));
  for (const std::string& topic : {""s, "a/+"s, "#"s, "a\0b"s, "\xc3"s})
    EXPECT_TRUE(problem_of_mqtt_topic(topic)) << topic;
}

// Returns the messages of all wrong properties, one per line.
std::string wrong_of_source(ConnectorProperties config) {
  const ConnectorClass& of = *find_connector_class("mqtt", ConnectorType::Source);
  config.insert({{"mqtt.server.uri", "tcp://h"}, {"mqtt.topics", "a"}, {"kafka.topic", "t"}});
  std::string all;
  for (const WrongProperty& each : read_mqtt_source({mqtt_rows(of), config}).wrong)
    all += each.message + "\n";
  return all;
}

TEST(MqttProperties, wrong_values_are_named) {
  EXPECT_EQ(wrong_of_source({}), "");
  const std::string address =
      "property \"mqtt.server.uri\" is an address such as tcp://HOST:1883 or ssl://HOST:8883\n";
  for (const char* const uri : {"h:1883", "ws://h", "tcp://", "tcp://h:0", "tcp://h:70000",
                                "tcp://u:secret@h", "tcp://h:1883x", "tcp://h/path"})
    EXPECT_EQ(wrong_of_source({{"mqtt.server.uri", uri}}), address) << uri;
  EXPECT_EQ(wrong_of_source({{"mqtt.server.uri", "tcp://a,tcp://b"}}),
            "property \"mqtt.server.uri\" names one broker\n");
  EXPECT_EQ(wrong_of_source({{"mqtt.qos", "2"}}), "property \"mqtt.qos\" is 0 or 1\n");
  EXPECT_EQ(wrong_of_source({{"mqtt.topics", "a/#/b"}}),
            "property \"mqtt.topics\" \"a/#/b\" has a # that is not its last level\n");
  EXPECT_EQ(wrong_of_source({{"mqtt.password", "p"}}),
            "property \"mqtt.username\" is required with \"mqtt.password\"\n");
  EXPECT_EQ(wrong_of_source({{"mqtt.ssl.ca.pem", "x"}}),
            "property \"mqtt.server.uri\" begins with ssl:// if certificates are set\n");
  EXPECT_EQ(wrong_of_source({{"mqtt.server.uri", "ssl://h"}, {"mqtt.ssl.key.pem", "x"}}),
            "property \"mqtt.ssl.certificate.pem\" is required: a certificate and its key belong "
            "together\n");
}

TEST(MqttProperties, an_address_has_the_usual_ports) {
  const auto address = [](const std::string& uri) {
    const ConnectorClass& of = *find_connector_class("mqtt", ConnectorType::Source);
    const MqttBroker broker =
        read_mqtt_source({mqtt_rows(of), {{"mqtt.server.uri", uri}}}).source.broker;
    return broker.host_port() + (broker.has_tls ? " TLS" : "");
  };
  EXPECT_EQ(address("tcp://broker"), "broker:1883");
  EXPECT_EQ(address("ssl://broker/"), "broker:8883 TLS");
  EXPECT_EQ(address("mqtts://[::1]:884"), "[::1]:884 TLS");
  EXPECT_EQ(address("mqtt://10.1.2.3:9"), "10.1.2.3:9");
}

}  // namespace
}  // namespace engine
