#include "server/pg/session_status.h"

#include <charconv>

namespace server::pg {

namespace {

// Cuts a long text, but not in the middle of a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= StatusCell::kMostQueryBytes) return text;
  size_t end = StatusCell::kMostQueryBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

void StatusCell::set_peer(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  int number = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  const std::lock_guard lock(mutex_);
  status_.client_host = host;
  if (failed == std::errc{} && end == port.data() + port.size()) status_.client_port = number;
}

void StatusCell::let_in(int32_t process_id, const std::string& database, const std::string& user,
                        int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  is_in_ = true;
  status_.process_id = process_id;
  status_.database = database;
  status_.user = user;
  status_.began_ms = status_.changed_ms = now_ms;
  status_.state = "idle";
}

void StatusCell::set_application_name(const std::string& name) {
  const std::lock_guard lock(mutex_);
  status_.application_name = name;
}

void StatusCell::work(std::string_view text, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  status_.query = cut(text);
  status_.state = "active";
  status_.query_began_ms = status_.changed_ms = now_ms;
  if (!status_.transaction_began_ms) status_.transaction_began_ms = now_ms;
}

void StatusCell::rest(std::string_view state, bool is_in_transaction, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  status_.state = state;
  status_.changed_ms = now_ms;
  if (!is_in_transaction) status_.transaction_began_ms.reset();
}

std::optional<SessionStatus> StatusCell::read() const {
  const std::lock_guard lock(mutex_);
  return is_in_ ? std::optional(status_) : std::nullopt;
}

}  // namespace server::pg
