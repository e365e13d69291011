#include "engine/functions/text_search.h"

namespace engine {

namespace {

// The length of a pattern from which on the search uses a table of borders (the algorithm of Knuth,
// Morris and Pratt). For shorter patterns the table saves no time.
constexpr size_t kLong = 32;

std::vector<uint32_t> borders_of(std::string_view wanted) {
  std::vector<uint32_t> borders(wanted.size() + 1);
  size_t border = 0;
  for (size_t end = 1; end < wanted.size(); ++end) {
    while (border > 0 && wanted[end] != wanted[border]) border = borders[border];
    if (wanted[end] == wanted[border]) ++border;
    borders[end + 1] = static_cast<uint32_t>(border);
  }
  return borders;
}

}  // namespace

TextMatches::TextMatches(std::string_view text, std::string_view wanted, size_t from)
    : text_(text), wanted_(wanted), at_(from) {
  // A pattern that is longer than the text from `from` on cannot occur, so it needs no table.
  if (wanted.size() >= kLong && from <= text.size() && wanted.size() <= text.size() - from)
    borders_ = borders_of(wanted);
}

size_t TextMatches::find_long() {
  while (at_ < text_.size()) {
    while (fitting_ > 0 && text_[at_] != wanted_[fitting_]) fitting_ = borders_[fitting_];
    if (text_[at_] == wanted_[fitting_]) ++fitting_;
    ++at_;
    if (fitting_ == wanted_.size()) return at_ - wanted_.size();
  }
  return kNone;
}

size_t TextMatches::next() {
  size_t found;
  if (borders_.empty()) {
    found = text_.find(wanted_, at_);
    if (found != kNone) at_ = found + wanted_.size();
  } else {
    found = find_long();
    fitting_ = 0;
  }
  return found;
}

size_t TextMatches::next_overlapping() {
  size_t found;
  if (borders_.empty()) {
    found = text_.find(wanted_, at_);
    if (found != kNone) at_ = found + 1;
  } else {
    found = find_long();
    if (found != kNone) fitting_ = borders_[fitting_];
  }
  return found;
}

}  // namespace engine
