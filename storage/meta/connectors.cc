#include "storage/meta/connectors.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "base/sized.h"
#include "base/uuid_bytes.h"

namespace storage {

namespace {

// The connectors' part of a metadata command. A change drops a connector, or stores its definition (the fields in
// brackets). Texts have their size in front (append_sized()).
//
//   part   = version u8, count of changes varint, changes * change
//   change = kind u8, name, [id (16 bytes), owner, target u8, count varint, count * (name, value)]
constexpr uint8_t kConnectorVersion = 1;
enum class ChangeKind : uint8_t { Drop = 0, Put = 1 };

Error damaged_connector() {
  return {ErrorCode::StorageFailure, "a definition of a connector is damaged"};
}

void append(std::string& part, const ConnectorChange& change) {
  part += static_cast<char>(change.put ? ChangeKind::Put : ChangeKind::Drop);
  append_sized(part, change.name);
  if (!change.put) return;
  append_uuid(part, change.put->id);
  append_sized(part, change.put->owner);
  part += static_cast<char>(change.put->target);
  append_varint(part, change.put->config.size());
  for (const auto& [name, value] : change.put->config) {
    append_sized(part, name);
    append_sized(part, value);
  }
}

Result<ConnectorChange> read_change(ByteReader& in) {
  const auto kind = in.be<uint8_t>();
  ConnectorChange change{std::string(read_sized(in)), nullptr};
  if (!in.ok() || kind > static_cast<uint8_t>(ChangeKind::Put)) return damaged_connector();
  if (kind == static_cast<uint8_t>(ChangeKind::Drop)) return change;
  ConnectorDefinition put{.name = change.name, .id = read_uuid(in)};
  put.owner = read_sized(in);
  const auto target = in.be<uint8_t>();
  if (!in.ok() || target > static_cast<uint8_t>(ConnectorTarget::Stopped))
    return damaged_connector();
  put.target = static_cast<ConnectorTarget>(target);
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(read_sized(in));
    put.config[std::move(name)] = read_sized(in);
  }
  if (!in.ok()) return damaged_connector();
  change.put = std::make_shared<const ConnectorDefinition>(std::move(put));
  return change;
}

}  // namespace

std::string encode_connector_changes(const std::vector<ConnectorChange>& changes) {
  std::string part(1, static_cast<char>(kConnectorVersion));
  append_varint(part, changes.size());
  for (const ConnectorChange& change : changes) append(part, change);
  return part;
}

Result<Connectors> apply_connector_changes(const Connectors& now, std::string_view part) {
  ByteReader in(part);
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged_connector();
  if (version > kConnectorVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a definition of a connector was written by a newer version"};
  Connectors changed = now;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    ConnectorChange change = TRY(read_change(in));
    if (change.put)
      changed[std::move(change.name)] = std::move(change.put);
    else
      changed.erase(change.name);
  }
  if (!in.ok() || !in.at_end()) return damaged_connector();
  if (changed.size() > kMostConnectors)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("a server can have at most {} connectors", kMostConnectors)};
  return changed;
}

std::string encode_connectors(const Connectors& all) {
  std::vector<ConnectorChange> changes;
  for (const auto& [name, definition] : all) changes.push_back({name, definition});
  return encode_connector_changes(changes);
}

}  // namespace storage
