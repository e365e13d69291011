#include "base/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cctype>
#include <charconv>
#include <vector>

namespace {

constexpr std::string_view kKindNames[] = {
    "connections",     "unread answers", "prepared statements", "COPY and transactions", "queues",
    "running queries", "tables",         "rows kept for scans"};
static_assert(std::size(kKindNames) == static_cast<size_t>(MemoryKind::kCount));

// An account may hold at most a quarter of the memory that is still free. So a single account gets at most a fifth
// of the limit (four fifths stay free). Even if many accounts take all that they can get, some memory is free for
// the next account.
constexpr size_t kShareOfFree = 4;

// Returns the limit for requests of accounts that hold little memory. Memory for answers is always
// granted, so answers may use up the part of the limit that is reserved for these accounts. Their
// requests may therefore exceed the limit by the size of the answers, up to an eighth of the limit.
size_t limit_for_requests(const MemoryBudget& budget) {
  const size_t limit = budget.limit_bytes();
  return limit + std::min(budget.held_bytes(MemoryKind::Results), limit / 8);
}
bool is_of_request(MemoryKind kind) {
  return kind == MemoryKind::Connections || kind == MemoryKind::Statements ||
         kind == MemoryKind::Copy;
}

// Returns the limit for incomplete messages. They come from clients that may not have authenticated
// yet. Without a separate limit, thousands of such clients could fill the whole memory limit in
// small steps, and complete requests of other clients would be refused. The last sixteenths of this
// limit are reserved for short messages.
size_t limit_for_messages(const MemoryBudget& budget, size_t account_bytes) {
  constexpr size_t kShort = 16 * 1024;
  const size_t sixteenth = budget.limit_bytes() / 16;
  const bool is_small = account_bytes <= MemoryAccount::kSmallBytes;
  // The result is at least 13/16 of the limit, which is above the threshold of is_tight(). So
  // clients whose messages do not become complete are ended.
  return (account_bytes <= kShort ? 15 : is_small ? 14 : 13) * sixteenth;
}

struct Unit {
  std::string_view name;
  size_t bytes;
};
constexpr Unit kUnits[] = {
    {"TB", size_t{1} << 40}, {"GB", size_t{1} << 30}, {"MB", size_t{1} << 20}, {"kB", 1 << 10}};

// Returns whether memory of the kind counts against the limit. State does not count: a table that
// has grown must not prevent clients from connecting.
bool counts_against_limit(MemoryKind kind) {
  return kind != MemoryKind::State && kind != MemoryKind::Scans;
}

}  // namespace

std::string_view name(MemoryKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

size_t MemoryAccount::available_bytes() const {
  const size_t held = held_bytes(), all = budget_.held_bytes();
  const size_t small = held < kSmallBytes ? kSmallBytes - held : 0;
  const size_t free = budget_.limit_bytes() - std::min(all, budget_.limit_bytes());
  const size_t free_for_large =
      budget_.limit_for_large() - std::min(all, budget_.limit_for_large());
  // After x more bytes the account holds held + x, and may hold (free - x) / kShareOfFree. The
  // largest allowed x makes both equal.
  const size_t share = free / kShareOfFree;
  const size_t large = share > held ? (share - held) * kShareOfFree / (kShareOfFree + 1) : 0;
  return std::max(std::min(small, free), std::min(large, free_for_large));
}

bool MemoryBudget::try_grow(MemoryAccount& account, MemoryKind kind, size_t bytes) {
  const auto is_small_request = [&] {
    return is_of_request(kind) && account.held_bytes() + bytes <= MemoryAccount::kSmallBytes &&
           held_bytes() + bytes <= limit_for_requests(*this);
  };
  if (kind == MemoryKind::Connections &&
      held_bytes(kind) + bytes > limit_for_messages(*this, account.held_bytes() + bytes))
    return false;
  if (counts_against_limit(kind) && bytes > account.available_bytes() && !is_small_request())
    return false;
  grow(account, kind, bytes);
  return true;
}

void MemoryBudget::grow(MemoryAccount& account, MemoryKind kind, size_t bytes) {
  kinds_[static_cast<size_t>(kind)].bytes.fetch_add(bytes, std::memory_order_relaxed);
  account.held_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (counts_against_limit(kind)) held_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void MemoryBudget::shrink(MemoryAccount& account, MemoryKind kind, size_t bytes) {
  auto& counter = kinds_[static_cast<size_t>(kind)].bytes;
  assert(counter.load(std::memory_order_relaxed) >= bytes);
  counter.fetch_sub(bytes, std::memory_order_relaxed);
  account.held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  if (counts_against_limit(kind)) held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

Error MemoryBudget::refusal(std::string_view what, const MemoryAccount& account) const {
  std::vector<MemoryKind> kinds;
  for (size_t i = 0; i < kinds_.size(); ++i)
    if (const auto kind = static_cast<MemoryKind>(i);
        counts_against_limit(kind) && held_bytes(kind) > 0)
      kinds.push_back(kind);
  std::ranges::sort(kinds, std::greater<>(), [this](MemoryKind kind) { return held_bytes(kind); });
  constexpr size_t kShown = 3;
  if (kinds.size() > kShown) kinds.resize(kShown);
  std::string holders;
  for (const MemoryKind kind : kinds)
    holders += fmt::format("{}{} {}", holders.empty() ? ": " : ", ", name(kind),
                           format_bytes(held_bytes(kind)));
  return Error{
      ErrorCode::OutOfMemory, fmt::format("not enough memory for {}", what),
      fmt::format("memory-limit is {}, and {} are in use{}. This session uses {}, and can use a "
                  "quarter of the free memory.",
                  format_bytes(limit_bytes_), format_bytes(held_bytes()), holders,
                  format_bytes(account.held_bytes())),
      "Send less at a time, try again when other clients have finished, or raise memory-limit."};
}

bool MemoryCharge::change(size_t bytes, Grant grant) {
  const size_t wanted = (bytes + kStepBytes - 1) / kStepBytes * kStepBytes;
  if (!account_ || wanted == bytes_) return true;
  MemoryBudget& budget = account_->budget();
  if (wanted < bytes_)
    budget.shrink(*account_, kind_, bytes_ - wanted);
  else if (grant == Grant::Always)
    budget.grow(*account_, kind_, wanted - bytes_);
  else if (!budget.try_grow(*account_, kind_, wanted - bytes_))
    return false;
  bytes_ = wanted;
  return true;
}

std::string format_bytes(size_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes < unit.bytes) continue;
    const double value = static_cast<double>(bytes) / static_cast<double>(unit.bytes);
    // One digit after the point is shown unless the value is whole or at least 10.
    return value >= 10 || bytes % unit.bytes == 0 ? fmt::format("{:.0f} {}", value, unit.name)
                                                  : fmt::format("{:.1f} {}", value, unit.name);
  }
  return fmt::format("{} B", bytes);
}

Result<size_t> parse_bytes(std::string_view text) {
  const auto same_letters = [](std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
  };
  size_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  size_t unit_bytes = rest.empty() || same_letters(rest, "B") ? 1 : 0;
  for (const Unit& unit : kUnits)
    if (same_letters(rest, unit.name)) unit_bytes = unit.bytes;
  if (failed != std::errc{} || unit_bytes == 0 || value > MemoryBudget::kUnlimited / unit_bytes)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a size like 512MB, 2GB or 1000000", text)};
  return value * unit_bytes;
}
