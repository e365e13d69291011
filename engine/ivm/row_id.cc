#include "engine/ivm/row_id.h"

#include <vector>

#include "engine/ivm/sha256.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

// A longer row id is replaced by its hash.
constexpr size_t kMostRowIdBytes = 256;

}  // namespace

bool may_repeat(const ViewPlan& view) { return view.identity.empty() && !view.is_one_row; }

void make_row_id(const ViewPlan& view, std::span<const Column* const> columns, size_t row,
                 std::string& id) {
  std::vector<const Column*> identity;
  for (const size_t column : view.identity) identity.push_back(columns[column]);
  if (may_repeat(view))
    identity.assign(columns.begin(),
                    columns.begin() + static_cast<ptrdiff_t>(view.result.columns.size()));
  id.clear();
  encode_row(identity, row, id);
  // the key of the only row; it is not empty, because an empty key could be taken for a missing key
  if (id.empty()) id += '\0';
  if (id.size() > kMostRowIdBytes) id = sha256(id);
}

void append_row_number(uint32_t number, std::string& id) {
  for (int shift = 24; shift >= 0; shift -= 8) id += static_cast<char>(number >> shift);
}

}  // namespace engine
