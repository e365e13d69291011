// The commands for data directories: millrace check, backup and restore.
#pragma once

namespace server {

// argv[0] is the command's name. Return the exit status: 0, 1 if something is damaged or has failed, 2 if the command
// line is wrong.
int run_check_command(int argc, const char* const* argv);
int run_backup_command(int argc, const char* const* argv);
int run_restore_command(int argc, const char* const* argv);

}  // namespace server
