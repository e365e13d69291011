// The topic setting by which the server recognizes topics that only it may write.
#pragma once
#include <string_view>

// The setting that marks the topic of a materialized view. No client can set it. No client can
// write to a topic with this setting, because the view's rows would then differ from those of its
// SELECT.
inline constexpr std::string_view kViewTopicSetting = "millrace.view";
