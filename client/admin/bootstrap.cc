#include "client/admin/bootstrap.h"

#include <chrono>
#include <string_view>
#include <utility>

namespace client {

Bootstrap::Bootstrap(const std::string& servers, Properties properties)
    : properties_(std::move(properties)) {
  for (std::string_view rest = servers;;) {
    const size_t comma = rest.find(',');
    servers_.emplace_back(rest.substr(0, comma));
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
}

Result<WireConnection> Bootstrap::connect() {
  Status last;
  for (size_t tried = 0; tried < servers_.size(); ++tried) {
    auto connection = connect_to(servers_[at_]);
    if (connection) return connection;
    last = std::move(connection).error();
    pass_on();
  }
  return last.error();
}

Result<WireConnection> Bootstrap::connect_to(const std::string& server) const {
  constexpr std::chrono::seconds kProbePatience{3};
  if (servers_.size() == 1) return WireConnection::open(server, properties_);
  WireConnection connection = TRY(WireConnection::open(server, properties_, kProbePatience));
  TRY(connection.ask_versions());
  connection.be_patient(WireConnection::kPatience);
  return connection;
}

}  // namespace client
