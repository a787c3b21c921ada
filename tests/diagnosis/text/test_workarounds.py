import pytest

from diagnosis.text.workarounds import calls_itself_workaround, reads_like_workaround


@pytest.mark.parametrize(
    "notes",
    [
        *(
            "Solved (Workaround)",
            "temporary workaround: use the other printer",
            "Disabled the check for now",
            "interim",
        ),
        *("The workaround is not a fix", "Temporary bridge to the old server", "临时切换到备用线路", "暂时绕过代理"),
        *(
            "应急处理：改用备机",
            "规避措施：改用网页版",
            "已应急切换至备用链路",
            "按应急方案改用备机",
            "暂时不启用该校验",
        ),
        *("Temporarily disabled the firewall rule", "Interim fix until the vendor replies", "临时授予安装权限一小时"),
    ],
)
def test_a_resolution_that_calls_itself_a_workaround(notes):
    assert calls_itself_workaround(notes)


@pytest.mark.parametrize(
    "notes",
    [
        *(
            "Removed the temporary files and cleared the cache",
            "Deleted temporary profile",
            "Temporary password issued",
            "Created accounts for temporary staff",
            "Granted temporary access to the share for the auditors",
            "The line was temporarily unavailable; the provider replaced the switch",
            "A temporary network outage of the provider, cable replaced",
            "Forwarded to the interim manager, approved",
        ),
        *("Deleted temporary internet files", "清理临时文件后恢复", "删除系统临时目录", "发放临时账号", "重置临时密码"),
        *(
            "应急灯更换",
            "应急预案已更新",
            "应急预案演练完成",
            "应急处置流程培训已安排",
            "为临时工开通邮箱",
            "已给临时人员办理门禁卡",
            "临时会议室投影仪更换线缆",
            "已开通临时管理员权限",
            "该功能暂时不支持，已升级到新版本",
            "临时性网络故障，已更换交换机",
            "permanent fix, no workaround needed",
            "Patched; workaround no longer needed",
        ),
        *(
            "This replaces the temporary workaround of last week: patched",
            "补丁安装，不再需要规避",
            "无需临时措施，已更换主板",
        ),
    ],
)
def test_a_fix_that_only_names_what_is_temporary_is_no_workaround(notes):
    assert not calls_itself_workaround(notes)


@pytest.mark.parametrize(
    "notes",
    [
        "Restarted the print spooler",
        "Will monitor",
        "could not reproduce",
        "重启打印服务",
        "继续观察",
        "暂时绕过代理",
        "interim",
    ],
)
def test_what_only_restored_service_reads_like_a_workaround(notes):
    assert reads_like_workaround(notes)


@pytest.mark.parametrize(
    "notes",
    [
        "Replaced the monitor for the user",
        "应急预案演练完成",
        "发放临时账号",
        "Deleted temporary files",
        "更换主板",
        "",
    ],
)
def test_what_names_neither_a_measure_nor_a_restart_does_not_read_like_one(notes):
    assert not reads_like_workaround(notes)
