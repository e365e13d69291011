// Lets several owners share bytes, or a part of them, without a copy.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

// Copies share the same bytes, which never change.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::string bytes) {  // NOLINT: a text that is given away
    if (bytes.empty()) return;
    auto whole = std::make_shared<const std::string>(std::move(bytes));
    view_ = *whole;
    keeper_ = std::move(whole);
  }
  SharedBytes(const char* text) : SharedBytes(std::string(text)) {}  // NOLINT
  // `view` lies in memory that the keeper owns.
  SharedBytes(std::shared_ptr<const void> keeper, std::string_view view)
      : keeper_(std::move(keeper)), view_(view) {}

  std::string_view view() const { return view_; }
  operator std::string_view() const { return view_; }  // NOLINT
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }

 private:
  std::shared_ptr<const void> keeper_;
  std::string_view view_;
};
