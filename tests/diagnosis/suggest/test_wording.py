import pytest

from diagnosis.suggest.wording import canonical, content, same, says_nothing


@pytest.mark.parametrize(
    "notes",
    [
        *("", " ", "done", "Fixed.", "DONE!!", "N/A", "Issue resolved, user confirmed working", "...", "- "),
        *(
            "Duplicate",
            "closed as duplicate of 123",
            "Duplicate of INC0012345",
            "Duplicate of an earlier incident.",
            "Closed as duplicate of the ticket from this morning",
            "Merged into INC0012345",
            "restarted",
            "Rebooted the PC, works now",
            "Restarted the application process, load is down for now.",
        ),
        *(
            "重复报障，与之前的工单合并处理。",
            "此单与上一单重复",
            "已合并到 INC0012345",
            "已处理",
            "问题已解决，谢谢",
            "已处理完毕，用户确认正常",
            "处理好了",
            "无",
            "已恢复",
            "ok 已完成",
            "重启",
            "重启电脑后恢复正常",
            "重启应用进程，负载暂时下降。",
        ),
    ],
)
def test_a_resolution_that_says_nothing(notes):
    assert says_nothing(notes)


@pytest.mark.parametrize(
    "notes",
    [
        *(
            "Reset password",
            "Restarted spooler",
            "Duplicate IP address removed from the scope",
            "restarted the print service",
            "replaced toner, user confirmed",
        ),
        *(
            "Run gpupdate /force",
            "重启打印服务",
            "合并重复账号后正常",
            "重置密码",
            "清理磁盘空间后正常",
            "更换网线，问题解决",
        ),
    ],
)
def test_a_resolution_that_says_what_to_do(notes):
    assert not says_nothing(notes)


def test_order_case_punctuation_numbers_and_ids_do_not_make_a_resolution_another():
    assert canonical("Restarted spooler on PRN-0042.") == canonical("on prn-77, RESTARTED SPOOLER")
    assert canonical("重启打印服务 12") == canonical("重启打印服务")
    assert canonical("重启打印服务") != canonical("重装打印驱动")


def test_numbers_count_where_there_is_nothing_else():
    assert canonical("0x80070005") != canonical("0x80070006")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("restart the print spooler service on the print server", "Restart print spooler service on server PRN1", True),
        ("重启打印服务器上的打印服务", "重启打印服务器的打印服务", True),
        (
            "clear the cached credentials and sign in again to outlook",
            "clear the cached credentials, then sign in again to outlook; if it fails, rebuild the mail profile",
            True,
        ),
        ("restart the print spooler", "replace the network cable", False),
        ("重启打印服务", "更换网线", False),
        ("", "", False),
    ],
)
def test_what_says_the_same(one, other, expected):
    alike = same([content(one), content("something else altogether"), content(other)])
    assert alike[0, 2] == alike[2, 0] == expected
    assert not alike[1, [0, 2]].any()
