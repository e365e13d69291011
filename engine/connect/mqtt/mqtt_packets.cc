#include "engine/connect/mqtt/mqtt_packets.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine {

namespace {

// Packet types, in the upper half of the first byte
constexpr uint8_t kConnect = 1, kConnack = 2, kPublish = 3, kPuback = 4, kSubscribe = 8,
                  kSuback = 9, kUnsubscribe = 10, kUnsuback = 11, kPingreq = 12, kPingresp = 13,
                  kDisconnect = 14;
constexpr uint8_t kFlagsOfSubscribe = 0x02;  // required by the protocol
constexpr uint8_t kDuplicateFlag = 0x08, kRetainFlag = 0x01, kQosMask = 0x03;
constexpr int kQosShift = 1, kTypeShift = 4;

// Properties of MQTT 5 (section 2.2.2.2)
constexpr uint8_t kSessionExpiry = 0x11, kServerKeepAlive = 0x13, kReasonString = 0x1f,
                  kReceiveMaximum = 0x21, kMaximumQos = 0x24, kUserProperty = 0x26,
                  kMaximumPacketSize = 0x27;

Error malformed(std::string_view problem) {
  return {ErrorCode::ProtocolViolation,
          fmt::format("the broker has sent bytes that are not MQTT: {}", problem)};
}

// --- Encoding

void append_u8(std::string& out, uint8_t value) { out += static_cast<char>(value); }

void append_u16(std::string& out, uint16_t value) {
  append_u8(out, static_cast<uint8_t>(value >> 8));
  append_u8(out, static_cast<uint8_t>(value));
}

void append_u32(std::string& out, uint32_t value) {
  append_u16(out, static_cast<uint16_t>(value >> 16));
  append_u16(out, static_cast<uint16_t>(value));
}

// `text` has at most 65,535 bytes, which the callers have checked.
void append_text(std::string& out, std::string_view text) {
  append_u16(out, static_cast<uint16_t>(text.size()));
  out += text;
}

// A length as 1 to 4 bytes with 7 bits each, the lowest first.
void append_length(std::string& out, size_t length) {
  constexpr size_t kBits = 7, kMore = 0x80;
  while (length >= kMore) {
    append_u8(out, static_cast<uint8_t>(length | kMore));
    length >>= kBits;
  }
  append_u8(out, static_cast<uint8_t>(length));
}

std::string packet(uint8_t type, uint8_t flags, std::string_view body) {
  std::string out;
  append_u8(out, static_cast<uint8_t>(type << kTypeShift | flags));
  append_length(out, body.size());
  out += body;
  return out;
}

void append_properties(std::string& out, std::string_view properties) {
  append_length(out, properties.size());
  out += properties;
}

std::string with_filters(MqttVersion version, uint16_t packet_id,
                         std::span<const std::string> filters, std::optional<uint8_t> options) {
  std::string body;
  append_u16(body, packet_id);
  if (version == MqttVersion::V5) append_properties(body, {});
  for (const std::string& filter : filters) {
    append_text(body, filter);
    if (options) append_u8(body, *options);
  }
  return body;
}

// --- Decoding

// Reads numbers and texts. After an attempt to read beyond the end, `is_short` is true, and all
// further values are empty.
class PacketBytes {
 public:
  explicit PacketBytes(std::string_view bytes) : rest_(bytes) {}

  uint8_t u8() {
    const std::string_view byte = take(1);
    return byte.empty() ? 0 : static_cast<uint8_t>(byte[0]);
  }
  uint16_t u16() {
    const uint8_t high = u8();
    return static_cast<uint16_t>(high << 8 | u8());
  }
  uint32_t u32() {
    const uint16_t high = u16();
    return static_cast<uint32_t>(high) << 16 | u16();
  }
  size_t length() {
    size_t length = 0;
    for (int shift = 0; shift < 28; shift += 7) {
      const uint8_t byte = u8();
      length |= static_cast<size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return length;
    }
    is_short_ = true;
    return 0;
  }
  std::string text() { return std::string(take(u16())); }
  std::string_view take(size_t count) {
    if (count > rest_.size()) {
      is_short_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool is_at_end() const { return rest_.empty(); }
  bool is_short() const { return is_short_; }

 private:
  std::string_view rest_;
  bool is_short_ = false;
};

// The properties of a packet that the client uses; the others are skipped.
struct Properties {
  std::optional<uint16_t> keep_alive_s, receive_maximum;
  std::optional<uint8_t> most_qos;
  std::optional<uint32_t> most_packet_bytes;
  std::string reason;
  std::vector<MqttUserProperty> user;
};

// Returns the bytes of a property that the client does not use, or nothing for an unknown property.
// A text has a length of 2 bytes before it; kText stands for such a value.
constexpr size_t kTextSize = SIZE_MAX;
std::optional<size_t> size_of_property(uint8_t id) {
  switch (id) {
    case 0x01:  // payload format
    case 0x17:  // request problem information
    case 0x19:  // request response information
    case 0x25:  // retain available
    case 0x28:  // wildcard subscription available
    case 0x29:  // subscription identifier available
    case 0x2a:  // shared subscription available
      return 1;
    case 0x22:  // topic alias maximum
    case 0x23:  // topic alias
      return 2;
    case 0x02:  // message expiry
    case 0x11:  // session expiry
    case 0x18:  // will delay
      return 4;
    case 0x03:  // content type
    case 0x08:  // response topic
    case 0x09:  // correlation data
    case 0x12:  // assigned client identifier
    case 0x15:  // authentication method
    case 0x16:  // authentication data
    case 0x1a:  // response information
    case 0x1c:  // server reference
      return kTextSize;
    default:
      return std::nullopt;
  }
}

Result<Properties> read_properties(PacketBytes& packet) {
  constexpr uint8_t kSubscriptionId = 0x0b;
  Properties read;
  PacketBytes bytes(packet.take(packet.length()));
  while (!bytes.is_at_end()) {
    const uint8_t id = bytes.u8();
    if (id == kServerKeepAlive) {
      read.keep_alive_s = bytes.u16();
    } else if (id == kReceiveMaximum) {
      read.receive_maximum = bytes.u16();
    } else if (id == kMaximumQos) {
      read.most_qos = bytes.u8();
    } else if (id == kMaximumPacketSize) {
      read.most_packet_bytes = bytes.u32();
    } else if (id == kReasonString) {
      read.reason = bytes.text();
    } else if (id == kUserProperty) {
      std::string name = bytes.text();
      read.user.push_back({std::move(name), bytes.text()});
    } else if (id == kSubscriptionId) {
      bytes.length();
    } else if (const auto size = size_of_property(id)) {
      if (*size == kTextSize)
        bytes.text();
      else
        bytes.take(*size);
    } else {
      return malformed(fmt::format("property {:#04x} is not known", id));
    }
  }
  if (bytes.is_short() || packet.is_short()) return malformed("a property is cut off");
  return read;
}

Result<MqttPacket> read_connack(PacketBytes& bytes, MqttVersion version) {
  MqttConnack connack;
  connack.has_session = (bytes.u8() & 1) != 0;
  connack.reason.code = bytes.u8();
  // A broker without MQTT 5 answers in the form of MQTT 3.1.1, without properties.
  if (version == MqttVersion::V311 || bytes.is_at_end()) return MqttPacket(std::move(connack));
  Properties properties = TRY(read_properties(bytes));
  connack.reason.text = std::move(properties.reason);
  connack.keep_alive_s = properties.keep_alive_s;
  connack.receive_maximum = properties.receive_maximum.value_or(UINT16_MAX);
  connack.most_qos = properties.most_qos.value_or(connack.most_qos);
  connack.most_packet_bytes = properties.most_packet_bytes.value_or(UINT32_MAX);
  return MqttPacket(std::move(connack));
}

Result<MqttPacket> read_publish(PacketBytes& bytes, uint8_t flags, MqttVersion version) {
  MqttMessage message;
  message.qos = flags >> kQosShift & kQosMask;
  if (message.qos > 1) return malformed("a message has QoS 2, which was not requested");
  message.is_duplicate = (flags & kDuplicateFlag) != 0;
  message.is_retained = (flags & kRetainFlag) != 0;
  message.topic = bytes.text();
  if (message.qos > 0) {
    message.packet_id = bytes.u16();
    if (message.packet_id == 0 && !bytes.is_short()) return malformed("a message has the number 0");
  }
  if (version == MqttVersion::V5)
    message.user_properties = std::move(TRY(read_properties(bytes)).user);
  if (message.topic.empty() && !bytes.is_short()) return malformed("a message has no topic");
  message.payload = std::string(bytes.rest());
  return MqttPacket(std::move(message));
}

// `bytes` are the bytes after the packet number of PUBACK, or the body of DISCONNECT. MQTT 5 leaves out the code
// for success, and empty properties.
Result<MqttReason> read_reason(PacketBytes& bytes) {
  MqttReason reason;
  if (bytes.is_at_end()) return reason;
  reason.code = bytes.u8();
  if (bytes.is_at_end()) return reason;
  reason.text = std::move(TRY(read_properties(bytes)).reason);
  return reason;
}

Result<MqttPacket> read_packet(uint8_t type, uint8_t flags, std::string_view body,
                               MqttVersion version) {
  PacketBytes bytes(body);
  Result<MqttPacket> read = MqttPacket(MqttPingresp());
  if (type == kConnack) {
    read = read_connack(bytes, version);
  } else if (type == kPublish) {
    read = read_publish(bytes, flags, version);
  } else if (type == kPuback) {
    MqttPuback puback;
    puback.packet_id = bytes.u16();
    puback.reason = TRY(read_reason(bytes));
    read = MqttPacket(std::move(puback));
  } else if (type == kSuback || type == kUnsuback) {
    MqttSuback suback;
    suback.packet_id = bytes.u16();
    if (version == MqttVersion::V5) suback.text = std::move(TRY(read_properties(bytes)).reason);
    for (const char code : bytes.rest()) suback.codes.push_back(static_cast<uint8_t>(code));
    read = MqttPacket(std::move(suback));
  } else if (type == kDisconnect) {
    MqttDisconnect end;
    end.reason = TRY(read_reason(bytes));
    read = MqttPacket(std::move(end));
  } else if (type != kPingresp) {
    return malformed(fmt::format("a broker does not send packets of type {}", type));
  }
  if (read && bytes.is_short()) return malformed("a packet is too short");
  return read;
}

struct ReasonName {
  uint8_t code;
  std::string_view name;
};
constexpr ReasonName kReturnCodes[] = {{1, "the version of the protocol is not accepted"},
                                       {2, "the client id is not accepted"},
                                       {3, "the broker is not available"},
                                       {4, "wrong user name or password"},
                                       {5, "not authorized"}};
constexpr ReasonName kReasonNames[] = {
    {0x04, "the connection ends with a will"},
    {0x80, "unspecified error"},
    {0x81, "malformed packet"},
    {0x82, "protocol error"},
    {0x83, "the broker refuses the packet"},
    {0x84, "the version of the protocol is not accepted"},
    {0x85, "the client id is not accepted"},
    {0x86, "wrong user name or password"},
    {0x87, "not authorized"},
    {0x88, "the broker is not available"},
    {0x89, "the broker is busy"},
    {0x8a, "the client is banned"},
    {0x8b, "the broker is shutting down"},
    {0x8c, "the method of authentication is not accepted"},
    {0x8d, "no packet arrived within the keep-alive interval"},
    {0x8e, "another client uses the same client id"},
    {0x8f, "the topic filter is not accepted"},
    {0x90, "the topic is not accepted"},
    {0x93, "too many messages are in flight"},
    {0x95, "the packet is too large"},
    {0x97, "a quota is exceeded"},
    {0x98, "an administrator has ended the connection"},
    {0x99, "the format of the payload is not accepted"},
    {0x9a, "retained messages are not supported"},
    {0x9b, "the QoS is not supported"},
    {0x9c, "another broker must be used"},
    {0x9d, "the broker has moved"},
    {0x9e, "shared subscriptions are not supported"},
    {0x9f, "too many connections are being made"},
    {0xa0, "the longest time of a connection is over"},
    {0xa1, "subscription identifiers are not supported"},
    {0xa2, "wildcards in topic filters are not supported"},
};

}  // namespace

std::string encode_connect(const MqttConnect& connect) {
  constexpr uint8_t kUserFlag = 0x80, kPasswordFlag = 0x40, kCleanFlag = 0x02;
  constexpr uint32_t kNever = UINT32_MAX;
  std::string body;
  append_text(body, "MQTT");
  append_u8(body, static_cast<uint8_t>(connect.version));
  append_u8(body, static_cast<uint8_t>((connect.user.empty() ? 0 : kUserFlag) |
                                       (connect.password.empty() ? 0 : kPasswordFlag) |
                                       (connect.is_clean ? kCleanFlag : 0)));
  append_u16(body, connect.keep_alive_s);
  if (connect.version == MqttVersion::V5) {
    std::string properties;
    if (connect.keeps_session) {
      append_u8(properties, kSessionExpiry);
      append_u32(properties, kNever);
    }
    append_u8(properties, kReceiveMaximum);
    append_u16(properties, connect.receive_maximum);
    append_properties(body, properties);
  }
  append_text(body, connect.client_id);
  if (!connect.user.empty()) append_text(body, connect.user);
  if (!connect.password.empty()) append_text(body, connect.password);
  return packet(kConnect, 0, body);
}

std::string encode_publish(MqttVersion version, const MqttMessage& message) {
  std::string body;
  append_text(body, message.topic);
  if (message.qos > 0) append_u16(body, message.packet_id);
  if (version == MqttVersion::V5) {
    std::string properties;
    for (const MqttUserProperty& each : message.user_properties) {
      append_u8(properties, kUserProperty);
      append_text(properties, each.name);
      append_text(properties, each.value);
    }
    append_properties(body, properties);
  }
  body += message.payload;
  return packet(
      kPublish,
      static_cast<uint8_t>((message.is_duplicate ? kDuplicateFlag : 0) | message.qos << kQosShift |
                           (message.is_retained ? kRetainFlag : 0)),
      body);
}

std::string encode_puback(uint16_t packet_id) {
  std::string body;
  append_u16(body, packet_id);
  return packet(kPuback, 0, body);
}

std::string encode_subscribe(MqttVersion version, uint16_t packet_id,
                             std::span<const std::string> filters, uint8_t qos) {
  return packet(kSubscribe, kFlagsOfSubscribe, with_filters(version, packet_id, filters, qos));
}

std::string encode_unsubscribe(MqttVersion version, uint16_t packet_id,
                               std::span<const std::string> filters) {
  return packet(kUnsubscribe, kFlagsOfSubscribe,
                with_filters(version, packet_id, filters, std::nullopt));
}

std::string encode_pingreq() { return packet(kPingreq, 0, {}); }

std::string encode_disconnect() { return packet(kDisconnect, 0, {}); }

Result<std::optional<MqttPacket>> MqttPacketReader::next() {
  const std::string_view unread = std::string_view(buffer_).substr(begin_);
  PacketBytes head(unread);
  const uint8_t first = head.u8();
  const size_t length = head.length();
  constexpr size_t kMostHeadBytes = 5;
  if (head.is_short()) {
    if (unread.size() >= kMostHeadBytes) return malformed("the length of a packet is wrong");
    return std::optional<MqttPacket>();
  }
  if (length > kMostPacketBytes)
    return Error{ErrorCode::RecordTooLarge, fmt::format("the broker has sent a packet of {} bytes; "
                                                        "at most {} are accepted",
                                                        length, kMostPacketBytes)};
  if (head.rest().size() < length) return std::optional<MqttPacket>();
  MqttPacket read =
      TRY(read_packet(first >> kTypeShift, first & 0x0f, head.rest().substr(0, length), version_));
  begin_ = buffer_.size() - head.rest().size() + length;
  constexpr size_t kManyBytes = 64 << 10;
  if (begin_ == buffer_.size() || begin_ > kManyBytes) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  return std::optional<MqttPacket>(std::move(read));
}

std::string mqtt_reason_text(const MqttReason& reason, bool is_connack) {
  const bool is_old = is_connack && !reason.is_failure();
  const std::span<const ReasonName> names = is_old ? std::span<const ReasonName>(kReturnCodes)
                                                   : std::span<const ReasonName>(kReasonNames);
  const auto named = std::ranges::find(names, reason.code, &ReasonName::code);
  std::string text = fmt::format(
      "{} ({:#04x})", named == names.end() ? std::string_view("unknown reason") : named->name,
      reason.code);
  if (reason.text.empty()) return text;
  // The text is from another machine, and may have any characters.
  constexpr size_t kMostBytes = 200;
  std::string shown = reason.text.substr(0, kMostBytes);
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, ' ');
  return text + ": " + shown;
}

}  // namespace engine
