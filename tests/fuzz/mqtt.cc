// The bytes of an MQTT broker. The first byte chooses the version of the protocol and the size of
// the pieces in which the other bytes arrive. A message must survive encoding and reading.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "engine/connect/mqtt/mqtt_packets.h"

namespace {

using engine::MqttVersion;

void check_message(const engine::MqttMessage& message, MqttVersion version) {
  engine::MqttPacketReader reader;
  reader.use(version);
  reader.add(engine::encode_publish(version, message));
  const auto again = reader.next();
  if (!again || !*again) std::abort();
  const auto* const same = std::get_if<engine::MqttMessage>(&**again);
  if (same == nullptr || same->topic != message.topic || same->payload != message.payload ||
      same->user_properties != message.user_properties || same->packet_id != message.packet_id)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const MqttVersion version = (data[0] & 1) != 0 ? MqttVersion::V5 : MqttVersion::V311;
  const size_t piece = 1 + (data[0] >> 1);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  engine::MqttPacketReader reader;
  reader.use(version);
  while (!bytes.empty()) {
    reader.add(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (true) {
      const auto packet = reader.next();
      if (!packet) return 0;
      if (!*packet) break;
      if (const auto* const message = std::get_if<engine::MqttMessage>(&**packet))
        check_message(*message, version);
    }
  }
  return 0;
}
