// Several processes that share the work, started by mpirun: the same bits, one that writes, and what a lost one does.
#include "app/ranks.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "catch.h"
#include "program.h"

using namespace divlens;
using namespace divlens::test;

namespace {

using Words = std::vector<std::string>;

RunOptions together(int count) {
  return {
      .environment = {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"},
      .directory = {},
      .standardOutput = {},
      .seconds = 120,
      // Between SIGTERM and SIGKILL, processes have more than a second to say why they end: the machine may be busy.
      .launcher = {"mpirun", "--oversubscribe", "--mca", "odls_base_sigkill_timeout", "3", "-n",
                   std::to_string(count)}};
}

/// A dump of 40 GB of zeros that takes no room, for a run that nobody waits for.
std::string longDump(const Folder& folder) {
  const std::string path = folder.write(
      "long.npy", npyBytes("{'descr': '<f2', 'fortran_order': False, 'shape': (100, 2000, 100000), }", ""));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + uint64_t{100} * 2000 * 100000 * 2);
  return path;
}

std::vector<pid_t> childrenOf(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(parent) + "/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t child = 0; file >> child;) found.push_back(child);
  }
  return found;
}

std::string commandOf(pid_t process) {
  std::string command;
  std::ifstream("/proc/" + std::to_string(process) + "/comm") >> command;
  return command;
}

}  // namespace

TEST_CASE("1, 2 and 7 processes give the bits of one, and one of them writes", "[ranks]") {
  const Words plans[] = {
      // Groups and intervals of a reduced axis; its entries are what is shared.
      {example("interventions.safetensors"), "--tensor", "intervened", "--reference", "tensor:clean", "--rows", "site",
       "--columns", "layer", "--ci", "0.9", "--metric", "jsd", "--metric", "kl"},
      {example("interventions.safetensors"), "--tensor", "intervened", "--reference", "tensor:clean", "--rows", "site",
       "--columns", "layer", "--group", "example", "--metric", "jsd"},
      // Layers that share their reference: tokens are shared.
      {example("lens.safetensors"), "--metric", "kl", "--metric", "overlap:5"},
      // Fewer tokens than processes.
      {example("lens.safetensors"), "--metric", "tv", "--select", "token=0:3"},
      // A mean, and one cell.
      {example("lens.safetensors"), "--metric", "kl", "--reference", "mean:layer", "--select", "token=1", "--select",
       "layer=2"},
      // Whole tensors, against others and alone.
      {example("checkpoints/tuned"), "--reference", "file:" + example("checkpoints/base"), "--metric", "rel-change",
       "--metric", "histogram-kl"},
      {example("checkpoints/base"), "--metric", "stable-rank", "--metric", "effective-rank", "--metric", "kurtosis"},
      // A table is not worth sharing.
      {example("steps.csv")}};
  for (const Words& plan : plans) {
    INFO(plan[0] + " " + plan.back());
    const Folder folder;
    const auto words = [&](const std::string& output) {
      Words all = {"compute"};
      all.insert(all.end(), plan.begin(), plan.end());
      all.insert(all.end(), {"-q", "-o", folder / output});
      return all;
    };
    REQUIRE(run(words("alone.npy")).code == 0);
    const std::string alone = readBytes(folder / "alone.npy");
    for (const int count : {1, 2, 7}) {
      if (count == 1 && &plan != plans) continue;
      INFO(count << " processes");
      const Ran ran = run(words("together.npy"), together(count));
      INFO(ran.err);
      CHECK(ran.code == 0);
      CHECK(ran.err.empty());
      CHECK(readBytes(folder / "together.npy") == alone);
      CHECK(folder.names() == Words{"alone.npy", "together.npy"});
      std::filesystem::remove(folder / "together.npy");
    }
  }
}

TEST_CASE("several processes speak with one voice", "[ranks]") {
  const Folder folder;
  const Words figure = {"render", example("lens.safetensors"), "-o", folder / "a.png", "-o", "-", "--format", "csv"};
  const Ran ran = run(figure, together(3));
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.out == run(figure).out);
  CHECK(has(ran.err, "3 processes share the work"));
  CHECK(ran.err.find("computing on") == ran.err.rfind("computing on"));

  struct Fault {
    Words words;
    int code;
    std::string text;
  };
  const Fault faults[] = {
      {{"compute", "none.npy", "-o", folder / "b.csv"}, 3, "none.npy"},
      {{"compute", example("lens.safetensors"), "--metric", "kk", "-o", folder / "b.csv"}, 2, "'kk'"},
      {{"compute", example("lens.safetensors"), "-o", "/proc/none/b.csv"}, 6, "/proc/none/b.csv"}};
  for (const Fault& fault : faults) {
    const Ran bad = run(fault.words, together(3));
    INFO(bad.err);
    CHECK(bad.code == fault.code);
    const size_t first = bad.err.find("divlens: ");
    REQUIRE(first != std::string::npos);
    CHECK(has(bad.err.substr(first), fault.text));
    CHECK_FALSE(bad.late);
  }
  CHECK(folder.names() == Words{"a.png"});
}

TEST_CASE("a lost process ends the job without output", "[ranks]") {
  for (const size_t lost : {size_t{0}, size_t{2}}) {
    const Folder folder;
    const std::string dump = longDump(folder);
    const std::string old = folder.write("out.npy", "an older result");
    Running running({"compute", dump, "--axes", "layer,token,vocab", "--metric", "kl", "-o", folder / "out.npy"},
                    together(3));
    std::vector<pid_t> processes;
    for (int i = 0; i < 1000 && processes.size() < 3; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      processes = childrenOf(running.pid());
      std::erase_if(processes, [](pid_t p) { return commandOf(p) != "divlens"; });
    }
    REQUIRE(processes.size() == 3);
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    std::sort(processes.begin(), processes.end());
    kill(processes[lost], SIGKILL);
    const Ran ran = running.finish();
    INFO(ran.err);
    CHECK(ran.code != 0);
    CHECK_FALSE(ran.late);
    CHECK(has(ran.err, "mpirun noticed that process rank"));
    CHECK(has(ran.err, "was told to stop, since another one was lost or the job was cancelled"));
    CHECK(folder.names() == Words{"long.npy", "out.npy"});
    CHECK(readBytes(old) == "an older result");
  }
}

TEST_CASE("tasks of srun that MPI does not connect are refused, a batch script is one process", "[ranks]") {
  const Folder folder;
  const auto under = [&](std::vector<std::string> environment, bool mpirun = false) {
    RunOptions options = mpirun ? together(2) : RunOptions{};
    options.environment.insert(options.environment.end(), environment.begin(), environment.end());
    return run({"compute", example("lens.safetensors"), "--metric", "kl", "-q", "-o", folder / "a.csv"}, options);
  };
  const std::string old = folder.write("a.csv", "an older result");

  const Ran first = under({"SLURM_NTASKS=2", "SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=0"});
  CHECK(first.code == 2);
  CHECK(has(first.err, "srun started 2 processes that cannot find each other; use srun --mpi=pmix"));
  const Ran second = under({"SLURM_NTASKS=2", "SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=1"});
  CHECK(second.code == 2);
  CHECK(second.err.empty());
  CHECK(folder.names() == Words{"a.csv"});
  CHECK(readBytes(old) == "an older result");

  std::string bits;
  const auto writes = [&](const Ran& ran) {
    INFO(ran.err);
    CHECK(ran.code == 0);
    CHECK(ran.err.empty());
    if (bits.empty()) bits = readBytes(old);
    CHECK(bits != "an older result");
    CHECK(readBytes(old) == bits);
    folder.write("a.csv", "an older result");
  };
  // A batch script, a step of one task in it, a task that was told to work alone, mpirun in a step.
  writes(under({"SLURM_NTASKS=4", "SLURM_PROCID=0"}));
  writes(under({"SLURM_NTASKS=4", "SLURM_STEP_NUM_TASKS=1", "SLURM_PROCID=0"}));
  writes(under({"SLURM_NTASKS=4", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID=3"}));
  writes(under({"SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=1"}, true));
}

TEST_CASE("without a launcher there is no MPI", "[ranks]") {
  const Ranks alone;
  CHECK(alone.rank() == 0);
  CHECK(alone.count() == 1);
  abandonRanks(1);  // returns
}
