// Fuzz target: all bytes of one PostgreSQL client's connection, over a backend in memory. Answers are whole messages,
// and a live session is ready after a Sync. The first byte chooses whether the session has begun, and which calls take
// time.
#include <cassert>

#include "tests/server/pg/conversation.h"

using namespace server::pg;

namespace {

constexpr size_t kPieceSize = 61;  // size of the pieces in which a socket may deliver the bytes

void check_messages(std::string_view bytes) {
  while (!bytes.empty()) {
    assert(bytes.size() >= 5);
    const size_t size = 1 + load_be<uint32_t>(bytes.data() + 1);
    assert(size >= 5 && size <= bytes.size());
    bytes.remove_prefix(size);
  }
}

// Returns whether the bytes end at the end of a message.
bool ends_with_a_message(std::string_view bytes) {
  while (bytes.size() >= 5) {
    const size_t size = 1 + size_t{load_be<uint32_t>(bytes.data() + 1)};
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return bytes.empty();
}

class Client {
 public:
  explicit Client(uint8_t choice) : choice_(choice) {
    if ((choice & 1) == 0) Conversation::begun(conversation_);
    conversation_.backend.holds_writes = (choice & 2) != 0;
    conversation_.backend.copy_asks_to_wait = (choice & 4) != 0;
  }

  void send(std::string_view bytes) {
    while (!bytes.empty() && !conversation_.session.is_over()) {
      hear(bytes.substr(0, kPieceSize));
      bytes.remove_prefix(std::min(kPieceSize, bytes.size()));
      if ((choice_ & 8) != 0) conversation_.backend.tick();
    }
  }

  // Completes or cancels all calls that the session waits for.
  void settle() {
    conversation_.backend.holds_writes = false;
    for (int round = 0; round < 4; ++round) {
      conversation_.backend.let_go();
      hear("");
      conversation_.session.cancel();
      hear("");
    }
  }

  bool has_begun() const { return (choice_ & 1) == 0; }
  bool is_over() const { return conversation_.session.is_over(); }
  void sync() {
    hear(sync_up());
    constexpr std::string_view kReady("Z\0\0\0\5", 5);
    const std::string_view heard(heard_);
    assert(heard.size() > kReady.size() &&
           heard.substr(heard.size() - kReady.size() - 1).starts_with(kReady));
  }
  void time_out() {
    conversation_.pass_ms(1'000'000);
    hear("");
  }

 private:
  void hear(std::string_view bytes) {
    const std::string& heard = heard_ = conversation_.hear_bytes(bytes);
    // The answer to an SSLRequest is a single byte, which is not part of a message and may precede
    // messages.
    const bool refuses_encryption = heard.starts_with('N') && !has_begun();
    if (!refuses_encryption) check_messages(heard);
  }

  const uint8_t choice_;
  Conversation conversation_;
  std::string heard_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Client client(data[0]);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  client.send(bytes);
  client.settle();
  if (client.has_begun() && !client.is_over() && ends_with_a_message(bytes)) client.sync();
  client.time_out();
  return 0;
}
