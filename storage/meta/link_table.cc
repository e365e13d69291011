#include "storage/meta/link_table.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "base/sized.h"
#include "base/uuid_bytes.h"

namespace storage {

namespace {

// The part "links" of a metadata command:
//
//   part   = version u8, count of changes varint, changes
//   change = kind u8, name; only for kPutLink also: id (16 bytes), owner, count varint, count * (name, value)
//
// Texts have their size in front (append_sized()).
constexpr uint8_t kLinksVersion = 1, kDropLink = 0, kPutLink = 1;

Error damaged_link() { return {ErrorCode::StorageFailure, "a definition of a link is damaged"}; }

void append_change(std::string& part, const LinkChange& change) {
  part += static_cast<char>(change.put ? kPutLink : kDropLink);
  append_sized(part, change.name);
  if (!change.put) return;
  append_uuid(part, change.put->id);
  append_sized(part, change.put->owner);
  append_varint(part, change.put->properties.size());
  for (const auto& [name, value] : change.put->properties) {
    append_sized(part, name);
    append_sized(part, value);
  }
}

Result<LinkChange> read_link_change(ByteReader& in) {
  const auto kind = in.be<uint8_t>();
  LinkChange change{std::string(read_sized(in)), nullptr};
  if (!in.ok() || kind > kPutLink) return damaged_link();
  if (kind == kDropLink) return change;
  LinkDefinition put{.name = change.name, .id = read_uuid(in)};
  put.owner = read_sized(in);
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(read_sized(in));
    put.properties[std::move(name)] = read_sized(in);
  }
  if (!in.ok()) return damaged_link();
  change.put = std::make_shared<const LinkDefinition>(std::move(put));
  return change;
}

}  // namespace

std::string encode_link_changes(const std::vector<LinkChange>& changes) {
  std::string part(1, static_cast<char>(kLinksVersion));
  append_varint(part, changes.size());
  for (const LinkChange& change : changes) append_change(part, change);
  return part;
}

Result<LinkTable> apply_link_changes(const LinkTable& now, std::string_view part) {
  ByteReader in(part);
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged_link();
  if (version > kLinksVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a definition of a link was written by a newer version"};
  LinkTable changed = now;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    LinkChange change = TRY(read_link_change(in));
    if (change.put)
      changed[std::move(change.name)] = std::move(change.put);
    else
      changed.erase(change.name);
  }
  if (!in.ok() || !in.at_end()) return damaged_link();
  if (changed.size() > kMostLinks)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("a server can have at most {} links", kMostLinks)};
  return changed;
}

std::string encode_links(const LinkTable& all) {
  std::vector<LinkChange> changes;
  for (const auto& [name, definition] : all) changes.push_back({name, definition});
  return encode_link_changes(changes);
}

}  // namespace storage
