#include "client/admin/topic_ids.h"

#include <absl/strings/escaping.h>

#include "client/admin/bootstrap.h"
#include "client/admin/wire_connection.h"

namespace client {

Result<std::map<std::string, std::string>> topic_ids(const std::string& bootstrap_server,
                                                     const Properties& properties) {
  constexpr int16_t kMetadata = 3, kVersion = 12;
  constexpr size_t kTopicIdBytes = 16;
  WireConnection connection = TRY(Bootstrap(bootstrap_server, properties).connect());
  WireWriter request;
  request.count(-1).number<int8_t>(0).number<int8_t>(0).end();  // all topics; creates none
  WireReader in(TRY(connection.ask(kMetadata, kVersion, request)));
  const auto skip_numbers = [&] {
    for (size_t left = in.count(); left > 0 && in.ok(); --left) in.number<int32_t>();
  };
  in.number<int32_t>();  // throttle time
  for (size_t brokers = in.count(); brokers > 0 && in.ok(); --brokers) {
    in.number<int32_t>();
    in.text();
    in.number<int32_t>();
    in.text();
    in.end();
  }
  in.text();             // cluster id
  in.number<int32_t>();  // controller
  std::map<std::string, std::string> ids;
  for (size_t topics = in.count(); topics > 0 && in.ok(); --topics) {
    in.number<int16_t>();
    const std::string name = in.text();
    std::string id;
    for (size_t i = 0; i < kTopicIdBytes; ++i) id += static_cast<char>(in.number<int8_t>());
    ids[name] = absl::WebSafeBase64Escape(id);
    in.number<int8_t>();  // whether it is internal
    for (size_t partitions = in.count(); partitions > 0 && in.ok(); --partitions) {
      in.number<int16_t>();
      in.number<int32_t>();  // partition
      in.number<int32_t>();  // leader
      in.number<int32_t>();  // leader epoch
      skip_numbers();        // replicas
      skip_numbers();        // replicas in sync
      skip_numbers();        // replicas that are offline
      in.end();
    }
    in.number<int32_t>();  // permitted operations
    in.end();
  }
  in.end();
  if (!in.is_whole())
    return Error{ErrorCode::NetworkFailure, "the answer of the server is truncated"};
  return ids;
}

}  // namespace client
