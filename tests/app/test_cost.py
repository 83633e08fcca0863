import threading
import time

from app import cost
from kd_core.config import DataSettings, StudySettings
from kd_core.study.cost import Cost, Workload


def test_a_class_that_asks_at_once_is_answered_one_by_one(monkeypatch) -> None:
    here, most = [], []

    def slowly(study: StudySettings, work: Workload) -> Cost:
        here.append(study.name)
        most.append(len(here))
        time.sleep(0.05)
        here.pop()
        return Cost(runs={}, total_s=0, teacher_s=0, student_s=0)

    monkeypatch.setattr(cost, "estimate_aside", slowly)
    work = Workload(n_train=8, channels=1, outputs=2)
    studies = [StudySettings(name=str(n), data=DataSettings(dataset="sample")) for n in range(3)]
    threads = [threading.Thread(target=cost._estimate, args=(s, work)) for s in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
